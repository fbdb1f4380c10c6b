// Finds and ends processes by id, for tests that start daemons.
import { readdir, readFile, readlink } from "node:fs/promises";
import { waitUntil } from "./wait-until.ts";

/** Ids of all processes whose name space of that kind is the one of the given process. */
export async function processesInNamespaceOf(pid: number, kind: "mnt" | "net"): Promise<number[]> {
  const wanted = await readlink(`/proc/${pid}/ns/${kind}`);
  const found: number[] = [];
  for (const other of await allProcesses()) {
    if ((await readlink(`/proc/${other}/ns/${kind}`).catch(() => "")) === wanted) found.push(other);
  }
  return found;
}

/** The given processes and everything below them. */
export async function withDescendants(pids: readonly number[]): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const pid of await allProcesses()) parents.set(pid, await parentOf(pid));
  const tree = new Set(pids);
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (tree.has(parent) && !tree.has(pid)) grown = tree.add(pid).size > 0;
    }
  }
  return [...tree];
}

export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/^\d+ \(.*\) [ZX] /s.test(stat);
}

/** Sends SIGKILL to each and waits until none is left. */
export async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) kill(pid, "SIGKILL");
  await waitUntil("all processes are gone", async () => {
    for (const pid of pids) if (await isRunning(pid)) return false;
    return true;
  });
}

/** Sends a signal; a process that is gone is fine. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}

async function allProcesses(): Promise<number[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return Number(/^\d+ \(.*\) \S (\d+) /s.exec(stat)?.[1] ?? 0);
}
