// The shell around ozctl as a port: everything a command prints, reads or waits for goes through it, so that tests own it.
import { styleText } from "node:util";
import type { Clock } from "#core/clock.ts";
import { systemClock } from "#core/system-clock.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Standard input as `exec` and the question of `apply` need it. */
export type Input = NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };

export type Io = {
  /** Writes text or bytes to standard output. */
  out(data: string | Uint8Array): void;
  /** Writes text or bytes to standard error. */
  err(data: string | Uint8Array): void;
  /** Resolves when what was written is taken: at once, unless who reads it is slow. To be waited for between pieces of what may have no end. */
  taken(): Promise<void>;
  /** True when standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Size of the terminal now; undefined when standard output is none. */
  size(): { columns: number; rows: number } | undefined;
  /** Calls fn after every change of the terminal's size; the result stops that. */
  onResize(fn: () => void): () => void;
  /** Calls fn at every Ctrl-C (SIGINT) or SIGTERM instead of ending the program; the result stops that. */
  onInterrupt(fn: () => void): () => void;
  /** Colours text for standard output; leaves it alone when that is no terminal or NO_COLOR is set. */
  style(style: Style, text: string): string;
  readonly stdin: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
};

/** The shell this process was started from. */
export function processIo(): Io {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on("error", leaveQuietly);
  return {
    out: (data) => void stdout.write(data),
    err: (data) => void stderr.write(data),
    async taken() {
      for (const stream of [stdout, stderr])
        if (stream.writableNeedDrain) await new Promise((resolve) => stream.once("drain", resolve));
    },
    isTerminal: stdout.isTTY === true,
    size: () => (stdout.isTTY ? { columns: stdout.columns || 80, rows: stdout.rows || 24 } : undefined),
    onResize(fn) {
      stdout.on("resize", fn);
      return () => stdout.off("resize", fn);
    },
    onInterrupt(fn) {
      process.on("SIGINT", fn).on("SIGTERM", fn);
      return () => void process.off("SIGINT", fn).off("SIGTERM", fn);
    },
    style: (style, text) => styleText(style, text, { stream: stdout }),
    // A getter: merely touching standard input opens it, which keeps some shells' pipes busy.
    get stdin() {
      return process.stdin;
    },
    env: process.env,
    cwd: process.cwd(),
    platform: process.platform,
    clock: systemClock,
  };
}

/** `ozctl events | head -1` closes the pipe: that is a wish, not a failure. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  // Windows says EOF.
  if (error.code === "EPIPE" || error.code === "EOF") process.exit(0);
  throw error;
}
