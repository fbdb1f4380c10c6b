// Who listens on a TCP port of this machine, as far as /proc tells.
import { readdir, readFile, readlink } from "node:fs/promises";

/**
 * "vllm (pid 4711)", or "a process of user id 1000" when it belongs to somebody whose files we may not read, or undefined
 * when nobody listens or /proc is not there. Never throws.
 */
export async function portHolder(port: number, procRoot = "/proc"): Promise<string | undefined> {
  const tables = await Promise.all([`${procRoot}/net/tcp`, `${procRoot}/net/tcp6`].map(textOf));
  const listening = tables.flatMap((table) => listeningSockets(table, port));
  if (listening.length === 0) return undefined;
  const pid = await pidOf(new Set(listening.map(({ inode }) => `socket:[${inode}]`)), procRoot);
  if (pid === undefined) return `a process of user id ${listening[0]?.userId}`;
  return `${(await programName(pid, procRoot)) || "a process"} (pid ${pid})`;
}

/** What a person calls the program: its command, as comm may be the name of a thread ("MainThread"). */
async function programName(pid: string, procRoot: string): Promise<string> {
  const [command = ""] = (await textOf(`${procRoot}/${pid}/cmdline`)).split("\0");
  return command.split("/").at(-1) || (await textOf(`${procRoot}/${pid}/comm`)).trim();
}

type Listening = { inode: string; userId: string };

const listenState = "0A";

function listeningSockets(table: string, port: number): Listening[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , userId = "", , inode = ""] = line.trim().split(/\s+/);
    return state === listenState && local.endsWith(`:${wanted}`) ? [{ inode, userId }] : [];
  });
}

async function pidOf(links: ReadonlySet<string>, procRoot: string): Promise<string | undefined> {
  const pids = (await readdir(procRoot).catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const folder = `${procRoot}/${pid}/fd`;
    for (const fd of await readdir(folder).catch(() => [])) {
      const link = await readlink(`${folder}/${fd}`).catch(() => "");
      if (links.has(link)) return pid;
    }
  }
  return undefined;
}

function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
