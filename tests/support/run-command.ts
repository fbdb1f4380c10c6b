// Runs a program of the machine to its end, for tests.
import { spawn } from "node:child_process";

export type CommandResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Never throws for a program that fails; throws when it cannot be run or takes longer than timeoutMs (default 60 s). */
export function runCommand(
  argv: readonly string[],
  options: { input?: string; timeoutMs?: number; cwd?: string; env?: Record<string, string> } = {},
): Promise<CommandResult> {
  const [program = "", ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      stdio: "pipe",
      timeout: options.timeoutMs ?? 60_000,
      killSignal: "SIGKILL",
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env !== undefined && { env: { ...process.env, ...options.env } }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") reject(new Error(`${argv.join(" ")} took too long.\n${stderr}`));
      else resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}

/** As runCommand; throws with its words when it exits with anything but 0. Returns its standard output, trimmed. */
export async function mustRun(
  argv: readonly string[],
  options: Parameters<typeof runCommand>[1] = {},
): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.code !== 0)
    throw new Error(`${argv.join(" ")} exited with ${result.code}:\n${result.stderr || result.stdout}`);
  return result.stdout.trim();
}
