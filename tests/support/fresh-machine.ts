// A machine as a document's reader has it: this one's programs, an engine and a network of its own, and none of what was installed or kept
// here before. Standard ports and folders are free, so commands run as they are written. What is written there goes with it.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { NetnsHost } from "./netns-hosts.ts";
import { type CommandResult, mustRun, runCommand } from "./run-command.ts";

const root = resolve(import.meta.dirname, "../..");
/** Folders whose changes stay on the machine. */
const ownFolders = ["/etc", "/root", "/srv", "/usr/local", "/var/lib"];
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type FreshMachine = {
  readonly address: string;
  /** Runs a command in a shell of it, in the clone unless told otherwise. With `answer`, at a terminal at which that is typed. */
  run(
    command: string,
    options?: { cwd?: string; answer?: string; timeoutMs?: number; env?: Record<string, string> },
  ): Promise<CommandResult>;
  /** As run; throws when it fails. Standard output, trimmed. */
  mustRun(command: string, options?: Parameters<FreshMachine["run"]>[1]): Promise<string>;
  /** Command line that runs a command in a shell of it, in the clone. */
  argv(command: string): string[];
  /** Writes a file there. */
  write(path: string, text: string): Promise<void>;
  dispose(): Promise<void>;
};

/** `host` has the engine and the network; its engine is restarted in the new surroundings. */
export async function freshMachine(host: NetnsHost): Promise<FreshMachine> {
  const { engine, address } = host;
  const kept = await mkdtemp(join(tmpdir(), "ozwald-fresh-"));
  const inside = (argv: readonly string[]) => mustRun(engine.enterFiles(argv));
  for (const folder of ownFolders) {
    const [upper, work] = [join(kept, "upper", folder), join(kept, "work", folder)];
    for (const each of [upper, work]) await mkdir(each, { recursive: true });
    const layers = `lowerdir=${folder},upperdir=${upper},workdir=${work}`;
    await inside(["mount", "-t", "overlay", "overlay", "-o", layers, folder]);
  }
  await inside(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  await inside(["sh", "-c", 'touch /run/docker.sock && mount --bind "$1" /run/docker.sock', "sh", engine.socketPath]);
  // What this machine itself has of Ozwald is not there.
  const others = ["/var/lib/ozwald*", "/etc/ozwald*", "/root/.config/ozwald", "/usr/local/bin/oz*"].join(" ");
  await inside(["sh", "-c", `rm -rf ${others}`]);
  const env = { PATH: searchPath, HOME: "/root", NO_COLOR: "1", TERM: "dumb" };
  const argv = (command: string, more: Record<string, string> = {}) => {
    const assigned = Object.entries({ ...env, ...more }).map(([name, value]) => `${name}=${value}`);
    return engine.enterFiles(["env", "-i", ...assigned, "bash", "-c", command]);
  };
  const machine: FreshMachine = {
    address,
    argv: (command) => argv(`cd ${root} && ${command}`),
    write: async (path, text) => {
      await mustRun(engine.enterFiles(["sh", "-c", 'cat >"$1"', "write", path]), { input: text });
    },
    async run(command, { cwd = root, answer, timeoutMs = 170_000, env: more } = {}) {
      const line = `cd '${cwd}' && ${command}`;
      if (answer === undefined) return runCommand(argv(line, more), { timeoutMs });
      const typed = ["script", "--quiet", "--return", "--echo", "never", "--command", line, "/dev/null"];
      const words = typed.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
      return runCommand(argv(words, more), { timeoutMs, input: `${answer}\n` });
    },
    async mustRun(command, options) {
      const { code, stdout, stderr } = await machine.run(command, options);
      if (code !== 0) throw new Error(`${command}\nexited with ${code}:\n${stdout}${stderr}`);
      return stdout.trim();
    },
    async dispose() {
      // The engine ends everything that runs in its mount name space; only then the folders are free.
      await engine.dispose();
      await rm(kept, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  return machine;
}
