// A program that runs beside a test: its output is kept, and it ends with the test.
import { spawn } from "node:child_process";

export type BackgroundProgram = {
  readonly pid: number;
  /** Everything it wrote so far, at most the last 256 KiB. */
  output(): string;
  /** Undefined while it runs. */
  exitCode(): number | undefined;
  /** Asks it to end, and ends it hard after graceMs (default 10 s). Returns its exit code; -1 when a signal ended it. */
  stop(graceMs?: number): Promise<number>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const maxOutput = 256 * 1024;

export function startProgram(
  argv: readonly string[],
  options: { env?: Record<string, string | undefined>; cwd?: string } = {},
): BackgroundProgram {
  const [program = "", ...rest] = argv;
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  let text = "";
  const keep = (chunk: string) => (text = (text + chunk).slice(-maxOutput));
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  let code: number | undefined;
  const ended = new Promise<number>((resolve) => {
    child.on("error", (error) => {
      keep(`${error.message}\n`);
      resolve((code = -1));
    });
    child.on("close", (exit) => resolve((code = exit ?? -1)));
  });
  async function stop(graceMs = 10_000): Promise<number> {
    if (code !== undefined) return code;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    return ended.finally(() => clearTimeout(timer));
  }
  return {
    pid: child.pid ?? 0,
    output: () => text,
    exitCode: () => code,
    stop,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
