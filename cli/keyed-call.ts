// Calls that change something, whose answer can be asked for again when the connection breaks under it.
import { randomUUID } from "node:crypto";
import { type Backoff, backoffCeilingMs } from "#core/backoff.ts";
import { sleep } from "#core/clock.ts";
import { OzError, toOzError } from "#core/errors.ts";
import type { Io } from "./io.ts";

/** Waits between two tries. */
const again: Backoff = { minMs: 100, maxMs: 2_000 };
/** A restart of the control plane takes less, in milliseconds. */
const patienceMs = 20_000;

/**
 * Sends with a new idempotency key, and sends the same again when the connection broke before the answer was there: the control plane
 * carries out each key once. One that cannot be reached in the first place is told at once, and the signal ends it. Throws OzError.
 */
export async function keyedCall<T>(
  io: Io,
  send: (idempotencyKey: string) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const key = randomUUID();
  let brokenAt: number | undefined;
  for (let failures = 0; ; failures++) {
    try {
      return await send(key);
    } catch (error) {
      const problem = toOzError(error);
      if (problem.code !== "unavailable" || (brokenAt === undefined && !brokeOff(problem))) throw problem;
      if (brokenAt === undefined) {
        brokenAt = io.clock.now();
        io.err("The connection broke before the answer came; asking again.\n");
      }
      if (io.clock.now() - brokenAt > patienceMs) throw unknownEnd(problem);
      await sleep(io.clock, backoffCeilingMs(again, failures), signal);
    }
  }
}

/** Whether what was sent may have arrived. */
function brokeOff({ cause }: OzError): boolean {
  const { code } = (cause ?? {}) as { code?: string };
  return code === "ECONNRESET" || code === "EPIPE" || code === "ECONNABORTED";
}

function unknownEnd(problem: OzError): OzError {
  return new OzError("unavailable", `${problem.message} Whether the change was begun is not known.`, {
    hint: "When it is back:  ozctl ops",
    cause: problem,
  });
}
