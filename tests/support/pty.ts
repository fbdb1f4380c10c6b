// A program in a pseudo-terminal of its own (util-linux's script), typed to as a person types.
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { waitUntil } from "./wait-until.ts";

export type Terminal = AsyncDisposable & {
  /** What it shows, without colours; echoes of what was typed too. */
  screen(): string;
  type(keys: string): void;
  /** Waits until the screen, from after what was seen before, shows the pattern; returns the match. */
  until(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Its exit code, within timeoutMs (default 10 s). */
  exited(timeoutMs?: number): Promise<number>;
};

export const keys = { ctrlC: "\u0003", ctrlD: "\u0004", enter: "\r" } as const;

export function openTerminal(argv: readonly string[], env: Record<string, string>): Terminal {
  // script starts it through $SHELL. A shell that stays between the terminal and the program takes Ctrl-C too and may say 130 of a
  // program that said 0: exec leaves none, and which shell it is must not depend on who runs the tests.
  const command = `exec ${argv.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ")}`;
  const child = spawn("script", ["-qfec", command, "/dev/null"], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, TERM: "xterm", SHELL: "/bin/sh", ...env },
  });
  let text = "";
  let seen = 0;
  let code: number | undefined;
  const keep = (chunk: string) => (text += stripVTControlCharacters(chunk));
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  child.stdin.on("error", () => {});
  child.on("error", (error) => keep(error.message));
  const closed = new Promise<void>((resolve) => {
    child.on("close", (exit) => {
      code = exit ?? -1;
      resolve();
    });
  });
  const failed = (error: unknown) => new Error(`The terminal shows:\n${text}`, { cause: error });
  return {
    screen: () => text,
    type: (typed) => void child.stdin.write(typed),
    async until(pattern, timeoutMs = 20_000) {
      const find = () => pattern.exec(text.slice(seen)) ?? undefined;
      const match = await waitUntil(`the terminal shows ${pattern}`, find, timeoutMs, 10).catch((error: unknown) => {
        throw failed(error);
      });
      seen += match.index + match[0].length;
      return match;
    },
    async exited(timeoutMs = 10_000) {
      await waitUntil("the program ends", () => code !== undefined, timeoutMs, 10).catch((error: unknown) => {
        throw failed(error);
      });
      return code ?? -1;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
