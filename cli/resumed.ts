// Streams that outlive a restart of the control plane.
import { type Backoff, backoffCeilingMs } from "#core/backoff.ts";
import { sleep } from "#core/clock.ts";
import { type OzError, toOzError } from "#core/errors.ts";
import type { Io } from "./io.ts";

/** Waits between two tries to get a stream back. */
const again: Backoff = { minMs: 250, maxMs: 5_000 };
/** A control plane that was away for so long is not waited for any more, in milliseconds. */
const patienceMs = 120_000;

/**
 * Yields what open() yields, and opens it again when the connection breaks. open is called with the signal each time; it decides
 * where to go on. Says once on standard error that it waits. Throws what is not a broken connection, or the last error after two minutes.
 * A control plane that never answered is not waited for, unless it is known to have been there a moment ago.
 */
export async function* resumed<T>(
  io: Io,
  signal: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
  { wasThere = false }: { readonly wasThere?: boolean } = {},
): AsyncGenerator<T, void> {
  let failures = 0;
  let brokenAt = 0;
  let heard = wasThere;
  for (;;) {
    try {
      for await (const value of open(signal)) {
        [failures, heard] = [0, true];
        yield value;
      }
      return;
    } catch (error) {
      const problem = toOzError(error);
      if (signal.aborted || !mayComeBack(problem) || !heard) throw problem;
      if (failures === 0) {
        brokenAt = io.clock.now();
        io.err("The control plane does not answer; trying again. What runs keeps running.\n");
      }
      if (io.clock.now() - brokenAt > patienceMs) throw problem;
      await sleep(io.clock, backoffCeilingMs(again, failures++), signal);
    }
  }
}

function mayComeBack(error: OzError): boolean {
  return error.code === "unavailable" || error.code === "timeout";
}
