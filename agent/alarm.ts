// One alarm: rings once, at the earliest of the times it was set to.
import type { Clock, Timer } from "#core/clock.ts";

export type Alarm = { setIn(delayMs: number): void; cancel(): void };

export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let timer: Timer | undefined;
  let at = Number.POSITIVE_INFINITY;
  const cancel = () => {
    timer?.cancel();
    at = Number.POSITIVE_INFINITY;
  };
  return {
    cancel,
    setIn(delayMs) {
      const wanted = clock.now() + delayMs;
      if (wanted >= at) return;
      cancel();
      at = wanted;
      timer = clock.after(delayMs, () => {
        at = Number.POSITIVE_INFINITY;
        ring();
      });
    },
  };
}
