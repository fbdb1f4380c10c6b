// A clock that only moves when a test says so.
import type { Clock } from "#core/clock.ts";

export type ManualClock = Clock & {
  /** Moves on by ms: timers fire in order, and promises settle in between. */
  advance(ms: number): Promise<void>;
};

/** Lets everything that waits for nothing but promises and I/O callbacks go on. */
export async function settled(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

export function manualClock(startMs = 1_000_000): ManualClock {
  let now = startMs;
  let order = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();
  return {
    now: () => now,
    after(delayMs, fn) {
      const id = ++order;
      timers.set(id, { at: now + Math.max(0, delayMs), fn });
      return { cancel: () => void timers.delete(id) };
    },
    async advance(ms) {
      const end = now + ms;
      await settled();
      for (;;) {
        const due = [...timers]
          .filter(([, { at }]) => at <= end)
          .toSorted((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
        if (due === undefined) break;
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].fn();
        await settled();
      }
      now = end;
    },
  };
}
