// A shell made of strings, for tests.
import { PassThrough } from "node:stream";
import type { Clock } from "#core/clock.ts";
import { systemClock } from "#core/system-clock.ts";
import type { Io } from "../io.ts";
import { main } from "../main.ts";

export type FakeIo = Io & {
  /** What was written so far. */
  written(): { out: string; err: string };
  /** Presses Ctrl-C. */
  interrupt(): void;
  /** Changes the size of the terminal. */
  resize(columns: number, rows: number): void;
  readonly stdin: PassThrough & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
};

export type FakeIoOptions = {
  env?: Record<string, string>;
  columns?: number;
  cwd?: string;
  nowMs?: number;
  color?: boolean;
  platform?: NodeJS.Platform;
};

/** With columns it is a terminal. nowMs stops the clock's now() there; timers stay real. */
export function fakeIo({
  env = {},
  columns,
  cwd = "/",
  nowMs,
  color = false,
  platform = "linux",
}: FakeIoOptions = {}): FakeIo {
  const written = { out: "", err: "" };
  const interrupts = new Set<() => void>();
  const resizes = new Set<() => void>();
  let size = columns === undefined ? undefined : { columns, rows: 24 };
  const clock: Clock = nowMs === undefined ? systemClock : { ...systemClock, now: () => nowMs };
  const text = (data: string | Uint8Array) => (typeof data === "string" ? data : Buffer.from(data).toString("utf8"));
  const watch = (set: Set<() => void>) => (fn: () => void) => {
    set.add(fn);
    return () => void set.delete(fn);
  };
  return {
    out: (data) => void (written.out += text(data)),
    err: (data) => void (written.err += text(data)),
    taken: () => Promise.resolve(),
    isTerminal: size !== undefined,
    size: () => size,
    onResize: watch(resizes),
    onInterrupt: watch(interrupts),
    style: (style, shown) => (color ? `<${style}>${shown}</${style}>` : shown),
    stdin: new PassThrough(),
    env: { HOME: "/nonexistent", ...env },
    cwd,
    platform,
    clock,
    written: () => written,
    interrupt: () => interrupts.forEach((fn) => fn()),
    resize(newColumns, rows) {
      size = { columns: newColumns, rows };
      resizes.forEach((fn) => fn());
    },
  };
}

/** Runs ozctl to its end. */
export async function runOzctl(
  argv: readonly string[],
  options: FakeIoOptions = {},
): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo(options);
  const code = await main(argv, io);
  return { code, ...io.written() };
}
