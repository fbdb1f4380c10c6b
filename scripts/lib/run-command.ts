// Runs a program to its end: always with a time limit, and with its own words in the error when it fails.

import { spawn } from "node:child_process";
import { OzError } from "#core/errors.ts";

export type CommandOptions = {
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** Default 10 min. */
  timeoutMs?: number;
  signal?: AbortSignal;
};

export type CommandResult = { code: number; stdout: string; stderr: string };

/** Resolves with whatever exit code; code 127 when the program does not exist. Output beyond 4 MiB is cut at the front. */
export function tryCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(options.timeoutMs ?? 600_000);
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      signal: options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]),
      killSignal: "SIGKILL",
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text: string) => (output[name] = (output[name] + text).slice(-4 * 1024 * 1024)));
    }
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve({ code: 127, stdout: "", stderr: `${command}: not installed` });
      else if (limit.aborted) reject(new OzError("timeout", `${command} ${args.join(" ")} did not end in time`));
      else reject(error);
    });
    child.on("close", (code) => resolve({ code: code ?? 1, ...output }));
  });
}

/** Like tryCommand, but any exit code except 0 is an error that ends with the program's last lines. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await tryCommand(command, args, options);
  if (result.code === 0) return result.stdout;
  const last = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-8).join("\n  | ");
  throw new OzError("failed", `${command} ${args.join(" ")} ended with ${result.code}:\n  | ${last}`);
}
