// Time as a port: everything that waits or asks for the time takes a Clock, so that tests own it.

/** A running timer. */
export type Timer = { cancel(): void };

export type Clock = {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls fn once after delayMs (0 or more) unless cancelled. */
  after(delayMs: number, fn: () => void): Timer;
};

/** Waits; resolves early (without an error) when the signal aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      signal?.removeEventListener("abort", done);
      timer.cancel();
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
