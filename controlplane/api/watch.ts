// The common part of watches: now, then after every change, with telemetry sped up while somebody looks.
import type { ApiContext } from "./context.ts";

let watchers = 0;

/** Yields the store's revision now (unless the caller has it already) and after every change, until the signal aborts. */
export async function* watchChanges(
  context: Pick<ApiContext, "signal" | "store" | "hub">,
  afterRevision: number,
  signal: AbortSignal,
): AsyncGenerator<number> {
  let position = afterRevision > 0 && afterRevision >= context.store.revision ? context.signal.position : 0;
  watchers += 1;
  context.hub.setWatched(true);
  try {
    for (;;) {
      position = await context.signal.next(position, signal);
      if (signal.aborted) return;
      yield context.store.revision;
    }
  } finally {
    watchers -= 1;
    if (watchers === 0) context.hub.setWatched(false);
  }
}
