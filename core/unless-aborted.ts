// For reads whose answer nobody needs once the program stops.
import { OzError } from "./errors.ts";

/**
 * What the promise gives, unless the signal aborts first: then throws cancelled, and nobody waits for the promise any more. Only for what
 * changes nothing and bounds its own time.
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // It may still fail when nobody listens any more.
  promise.catch(() => {});
  const cancelled = Promise.withResolvers<never>();
  const abort = () => cancelled.reject(new OzError("cancelled", "the program stops"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([cancelled.promise, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
