// Sends what changes something, so that Ctrl-C at no moment leaves a change of which nobody knows.
import { OzError } from "#core/errors.ts";
import type { Io } from "./io.ts";
import { keyedCall } from "./keyed-call.ts";

/**
 * Sends with an idempotency key and hands the answer to follow, whose signal aborts at Ctrl-C, be it one from before the answer. While
 * nothing is answered a first Ctrl-C is told and waits, for the answer names the change; the second throws cancelled. Gives what follow
 * gives; throws what keyedCall throws.
 */
export async function sendChange<T>(
  io: Io,
  send: (idempotencyKey: string, signal: AbortSignal) => Promise<T>,
  follow: (answer: T, left: AbortSignal) => Promise<number>,
): Promise<number> {
  const [left, given] = [new AbortController(), new AbortController()];
  let answered = false;
  const release = io.onInterrupt(() => {
    if (left.signal.aborted) given.abort();
    else if (!answered) io.err("Waiting for the answer, which names the change. Ctrl-C again does not wait.\n");
    left.abort();
  });
  try {
    const answer = await keyedCall(io, (key) => send(key, given.signal), given.signal).catch((error: unknown) => {
      throw given.signal.aborted ? unknownEnd(error) : error;
    });
    answered = true;
    return await follow(answer, left.signal);
  } finally {
    release();
  }
}

function unknownEnd(cause: unknown): OzError {
  const hint = "The newest changes:  ozctl ops";
  return new OzError("cancelled", "Ended before the answer came. Whether the change was begun is not known.", {
    hint,
    cause,
  });
}
