// The only retry curve.

export type Backoff = { readonly minMs: number; readonly maxMs: number };

/** Reconnecting to the control plane: 100 ms to 8 s. */
export const linkBackoff: Backoff = { minMs: 100, maxMs: 8_000 };

/** Ceiling of the nth wait (n from 0): minMs doubled n times, at most maxMs. */
export function backoffCeilingMs(backoff: Backoff, n: number): number {
  return Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.min(Math.max(0, n), 40));
}

/** Full jitter: evenly between 0 and the ceiling. random is in [0, 1). Source: AWS, "Exponential Backoff And Jitter". */
export function jitteredBackoffMs(backoff: Backoff, n: number, random: number): number {
  return Math.floor(backoffCeilingMs(backoff, n) * random);
}
