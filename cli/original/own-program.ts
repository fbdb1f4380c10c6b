// The other programs of this executable, run by this one: in the background, or to their end. Background ones are found by their exact
// command line, which names our state folder: a process id in a file could belong to somebody else by now.
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";

export type OwnProgram = "ozwald-agent" | "ozwald-controlplane";

/** Command line of a program; arguments follow. From the sources it is the file beside ours. */
export function ownProgram(program: OwnProgram): string[] {
  if (process.getBuiltinModule("node:sea").isSea()) return [process.execPath, program];
  const cli = path.dirname(process.argv[1] ?? "");
  return [process.execPath, path.resolve(cli, "..", program.replace("ozwald-", ""), `${program}.ts`)];
}

/** Ids of the processes in this network whose command line begins with these words; one in a container may be called the same. */
export function findProcesses(commandLine: readonly string[]): number[] {
  const wanted = `${commandLine.join("\0")}\0`;
  const network = networkOf("self");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => textOf(`/proc/${name}/cmdline`).startsWith(wanted))
    .filter((name) => networkOf(name) === network)
    .map(Number);
}

function networkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return "";
  }
}

/** Starts a program in a session of its own, its output appended to a file. */
export function startInBackground(commandLine: readonly string[], log: string, env: NodeJS.ProcessEnv): void {
  const output = openSync(log, "a", 0o600);
  const [command = "", ...rest] = commandLine;
  const child = spawn(command, rest, { detached: true, stdio: ["ignore", output, output], env });
  child.on("error", () => undefined);
  child.unref();
  closeSync(output);
}

/** Runs a program to its end. Throws failed with what it said, timeout after timeoutMs. */
export function runToEnd(commandLine: readonly string[], env: NodeJS.ProcessEnv, timeoutMs: number): Promise<void> {
  const [command = "", ...rest] = commandLine;
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { stdio: ["ignore", "ignore", "pipe"], env, timeout: timeoutMs });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-8_192)));
    child.on("error", (error) => reject(new OzError("failed", `${command} cannot be run: ${error.message}.`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else if (signal !== null) reject(new OzError("timeout", `${rest[0]} took longer than ${timeoutMs} ms.`));
      else reject(new OzError("failed", said.trim() || `${rest[0]} ended with ${code}.`));
    });
  });
}

/** Asks politely, then insists after graceMs. Gives how many there were. */
export async function endProcesses(commandLine: readonly string[], clock: Clock, graceMs = 15_000): Promise<number> {
  const found = findProcesses(commandLine);
  for (const pid of found) signal(pid, "SIGTERM");
  if (await untilTrue(clock, graceMs, () => findProcesses(commandLine).length === 0)) return found.length;
  for (const pid of findProcesses(commandLine)) signal(pid, "SIGKILL");
  await untilTrue(clock, 5_000, () => findProcesses(commandLine).length === 0);
  return found.length;
}

export type Wait<T> = {
  what: string;
  timeoutMs: number;
  log: string;
  commandLine: readonly string[];
  ask(): Promise<T | undefined>;
};

/** Tries `ask` every 100 ms until it gives something, the process is gone, or the time is over. Throws failed with the last lines of its log. */
export async function waitFor<T>(clock: Clock, { what, timeoutMs, log, commandLine, ask }: Wait<T>): Promise<T> {
  let answer: T | undefined;
  let absences = 0;
  await untilTrue(clock, timeoutMs, async () => {
    answer = await ask();
    // A process that has just been started may not show its command line yet.
    absences = findProcesses(commandLine).length > 0 ? 0 : absences + 1;
    return answer !== undefined || absences >= 5;
  });
  if (answer !== undefined) return answer;
  const how = absences >= 5 ? "ended" : `did not come up within ${timeoutMs / 1000} s`;
  throw new OzError("failed", `${what} ${how}; the last lines of ${log}:\n${lastLines(log)}`);
}

async function untilTrue(clock: Clock, timeoutMs: number, ask: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const deadline = clock.now() + timeoutMs; ;) {
    if (await ask()) return true;
    if (clock.now() >= deadline) return false;
    await new Promise<void>((resolve) => void clock.after(100, resolve));
  }
}

function lastLines(log: string): string {
  const lines = textOf(log).trimEnd().split("\n").slice(-8);
  return lines.map((line) => `  | ${line}`).join("\n");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
