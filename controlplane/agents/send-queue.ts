// The bounded way out of one stream. Writes only while the stream has room, keeps the newest of what is replaceable, and
// gives up on a reader that does not read.
import type { Clock, Timer } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";

/** The part of a writable stream that is needed. */
export type Sink<T> = {
  write(message: T): boolean;
  once(event: "drain", listener: () => void): unknown;
  removeListener(event: "drain", listener: () => void): unknown;
};

export type SendQueue<T> = {
  /** Sends now or as soon as there is room. */
  push(message: T): void;
  /** Runs fn when everything queued so far was written. */
  flushed(fn: () => void): void;
  /** Drops what waits. */
  close(): void;
};

export type SendQueueOptions<T> = {
  sink: Sink<T>;
  clock: Clock;
  /** Messages of one kind replace each other while they wait; undefined for those that must all go out. */
  kind(message: T): string | undefined;
  /** Most messages that wait. Default 64. */
  limit?: number;
  /** Longest wait for room in milliseconds. Default 30,000. */
  stallMs?: number;
  /** Called once when the limit or the wait is exceeded. */
  tooSlow(error: OzError): void;
};

export function createSendQueue<T>(options: SendQueueOptions<T>): SendQueue<T> {
  const { sink, clock, kind, limit = 64, stallMs = 30_000, tooSlow } = options;
  const waiting: T[] = [];
  let blocked = false;
  let closed = false;
  let stall: Timer | undefined;
  let afterFlush: (() => void) | undefined;

  function close(): void {
    closed = true;
    stall?.cancel();
    waiting.length = 0;
    sink.removeListener("drain", drained);
  }

  function giveUp(message: string): void {
    close();
    tooSlow(
      new OzError("limit", message, { hint: "The reader hangs or its network is too slow; it has to connect again." }),
    );
  }

  function drained(): void {
    stall?.cancel();
    blocked = false;
    pump();
  }

  function pump(): void {
    while (!blocked && !closed) {
      const message = waiting.shift();
      if (message === undefined) break;
      if (sink.write(message)) continue;
      blocked = true;
      sink.once("drain", drained);
      stall = clock.after(stallMs, () => giveUp(`the other side took nothing for ${stallMs} ms`));
    }
    if (waiting.length === 0 && !blocked) afterFlush?.();
  }

  return {
    push(message) {
      if (closed) return;
      const name = kind(message);
      const older = name === undefined ? -1 : waiting.findIndex((one) => kind(one) === name);
      if (older >= 0) waiting[older] = message;
      else waiting.push(message);
      if (waiting.length > limit) return giveUp(`more than ${limit} messages wait for the other side`);
      pump();
    },
    flushed(fn) {
      afterFlush = fn;
      pump();
    },
    close,
  };
}
