// A clock that only tests move.
import type { Clock } from "../clock.ts";

export type ManualClock = Clock & {
  /** Moves the time on, running what falls due in order, each at its own time. Timers set meanwhile count too. */
  advance(ms: number): void;
  /** The same, and lets promises settle after each timer. */
  advanceAsync(ms: number): Promise<void>;
  /** Moves the time on without running anything, as when the process was frozen. */
  jump(ms: number): void;
  /** Timers that wait. */
  readonly waiting: number;
};

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let now = startMs;
  let order = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();

  function due(until: number): (() => void) | undefined {
    const next = [...timers].filter(([, { at }]) => at <= until).toSorted(([a, x], [b, y]) => x.at - y.at || a - b)[0];
    if (next === undefined) return undefined;
    const [id, { at, fn }] = next;
    timers.delete(id);
    now = Math.max(now, at);
    return fn;
  }

  return {
    now: () => now,
    after(delayMs, fn) {
      const id = (order += 1);
      timers.set(id, { at: now + Math.max(0, delayMs), fn });
      return { cancel: () => void timers.delete(id) };
    },
    advance(ms) {
      const until = now + ms;
      for (let fn = due(until); fn !== undefined; fn = due(until)) fn();
      now = until;
    },
    async advanceAsync(ms) {
      const until = now + ms;
      await settle();
      for (let fn = due(until); fn !== undefined; fn = due(until)) {
        fn();
        await settle();
      }
      now = until;
    },
    jump: (ms) => void (now += ms),
    get waiting() {
      return timers.size;
    },
  };
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
