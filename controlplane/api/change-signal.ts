// Tells watchers that something changed: the first few times at once, then at most every 100 ms.
import type { Clock, Timer } from "#core/clock.ts";
import { createPace } from "#core/pace.ts";

export type ChangeSignal = {
  /** Says that something changed. */
  raise(): void;
  /** Resolves at the next change after `since`, with the new position; also when the signal aborts. */
  next(since: number, signal: AbortSignal): Promise<number>;
  readonly position: number;
};

const coalesceMs = 100;

export function createChangeSignal(clock: Clock): ChangeSignal {
  let position = 1;
  let timer: Timer | undefined;
  const pace = createPace(clock, coalesceMs);
  const waiting = new Set<() => void>();
  const fire = () => {
    timer = undefined;
    pace.told();
    position += 1;
    for (const wake of [...waiting]) wake();
  };
  return {
    raise() {
      timer ??= clock.after(pace.delayMs(), fire);
    },
    get position() {
      return position;
    },
    next(since, signal) {
      if (position > since || signal.aborted) return Promise.resolve(position);
      return new Promise((resolve) => {
        const done = () => {
          waiting.delete(done);
          signal.removeEventListener("abort", done);
          resolve(position);
        };
        waiting.add(done);
        signal.addEventListener("abort", done, { once: true });
      });
    },
  };
}
