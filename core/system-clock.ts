// The machine's own clock. The one place in core that touches the time of the machine.
import type { Clock } from "./clock.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, Math.max(0, Math.min(delayMs, 2 ** 31 - 1)));
    return { cancel: () => clearTimeout(timer) };
  },
};
