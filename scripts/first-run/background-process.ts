// Processes that outlive this script. They are found by their exact command line, which names our state folder: a process id
// in a file could belong to somebody else by now, and a kill between start and write would lose it.

import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OzError } from "#core/errors.ts";

/**
 * Ids of the processes in this network whose command line begins with these words. One in another network (a container, a name space) may
 * be called the same, with a folder of the same name, and is somebody else's.
 */
export function findProcesses(commandLine: readonly string[], proc = "/proc"): number[] {
  const wanted = `${commandLine.join("\0")}\0`;
  const network = linkOf(`${proc}/self/ns/net`);
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => textOf(`${proc}/${name}/cmdline`).startsWith(wanted))
    .filter((name) => linkOf(`${proc}/${name}/ns/net`) === network)
    .map(Number);
}

/** True when the program's file was replaced since the process started. */
export function isOutdated(pid: number): boolean {
  return linkOf(`/proc/${pid}/exe`).endsWith(" (deleted)");
}

/** Starts a program in a session of its own, its output appended to a file. */
export function startInBackground(commandLine: readonly string[], log: string, env: NodeJS.ProcessEnv): void {
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
  const output = openSync(log, "a", 0o600);
  const [command = "", ...args] = commandLine;
  const child = spawn(command, args, { detached: true, stdio: ["ignore", output, output], env });
  child.on("error", () => undefined);
  child.unref();
  closeSync(output);
}

/** Asks politely, then insists after `graceMs`. Resolves when none is left. */
export async function endProcesses(commandLine: readonly string[], graceMs = 15_000): Promise<boolean> {
  const found = findProcesses(commandLine);
  for (const pid of found) signal(pid, "SIGTERM");
  const deadline = Date.now() + graceMs;
  while (findProcesses(commandLine).length > 0 && Date.now() < deadline) await sleep(50);
  for (const pid of findProcesses(commandLine)) signal(pid, "SIGKILL");
  const last = Date.now() + 5000;
  while (findProcesses(commandLine).length > 0 && Date.now() < last) await sleep(20);
  return found.length > 0;
}

/** The last lines of a log, for the error of a program that does not come up. */
export function lastLines(log: string, count = 8): string {
  return textOf(log)
    .trimEnd()
    .split("\n")
    .slice(-count)
    .map((line) => `  | ${line}`)
    .join("\n");
}

/** Tries `ask` every 100 ms until it gives something, the process is gone, or the time is over. */
export async function waitFor<T>(options: {
  what: string;
  timeoutMs: number;
  log: string;
  ask: () => Promise<T | undefined>;
  alive?: () => boolean;
}): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  // A process that has just been started may not show its command line yet.
  let absences = 0;
  for (;;) {
    const answer = await options.ask();
    if (answer !== undefined) return answer;
    absences = options.alive?.() === false ? absences + 1 : 0;
    if (absences >= 5 || Date.now() > deadline) {
      const how = absences >= 5 ? "ended" : `did not come up within ${options.timeoutMs / 1000} s`;
      throw new OzError(
        "failed",
        `${options.what} ${how}; the last lines of ${options.log}:\n${lastLines(options.log)}`,
      );
    }
    await sleep(100);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
