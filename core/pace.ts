// How fast news may be told: a few at once after a quiet time, then one a period. So one change is told without any wait, and a
// thousand changes cost no more than the period allows.
import type { Clock } from "./clock.ts";

export type Pace = {
  /** Milliseconds until the next may be told; 0 for now. */
  delayMs(): number;
  /** One is told now. */
  told(): void;
};

/** burst: how many may be told at once after burst periods of quiet. Default 5. */
export function createPace(clock: Pick<Clock, "now">, periodMs: number, burst = 5): Pace {
  let credit = burst;
  let at = clock.now();
  const refill = () => {
    const now = clock.now();
    // A clock that is set back refills nothing.
    credit = Math.min(burst, credit + Math.max(0, now - at) / periodMs);
    at = now;
  };
  return {
    delayMs() {
      refill();
      return credit >= 1 ? 0 : Math.ceil((1 - credit) * periodMs);
    },
    told() {
      refill();
      credit = Math.max(0, credit - 1);
    },
  };
}
