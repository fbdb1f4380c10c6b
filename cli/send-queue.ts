// What is to be sent on a stream, in order, as something that can be iterated once.

export type SendQueue<T> = AsyncIterable<T> & {
  push(value: T): void;
  /** Ends the iteration once everything was taken. */
  end(): void;
  /** Values that wait. */
  size(): number;
  /** Calls fn once when nothing waits any more. */
  onDrained(fn: () => void): void;
};

export function sendQueue<T>(): SendQueue<T> {
  const waiting: T[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  let drained: (() => void) | undefined;
  const signal = () => {
    wake?.();
    wake = undefined;
  };
  return {
    push(value) {
      if (ended) return;
      waiting.push(value);
      signal();
    },
    end() {
      ended = true;
      signal();
    },
    size: () => waiting.length,
    onDrained: (fn) => void (drained = fn),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift()!;
        const tell = drained;
        drained = undefined;
        tell?.();
        // Who hears that there is room may have filled it already.
        if (waiting.length > 0) continue;
        if (ended) return;
        await new Promise<void>((resolve) => void (wake = resolve));
      }
    },
  };
}
