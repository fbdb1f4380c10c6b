// Shows what happened.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { type Event, EventSchema, EventsService } from "#proto/events_pb.ts";
import { type EventRow, eventsAfter, listEvents } from "../store/events.ts";
import type { ApiContext } from "./context.ts";

export function eventRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(EventsService, {
    async listEvents({ limit, subject }) {
      const rows = await context.store.read((read) =>
        listEvents(read, { limit: Math.min(limit || 50, 1000), ...(subject === "" ? {} : { subject }) }),
      );
      return { events: rows.map(eventView) };
    },
    async *watchEvents({ afterSequence }, call) {
      for await (const row of watchEvents(context, Number(afterSequence), call.signal)) yield { event: eventView(row) };
    },
  });
}

/** Every event after a sequence (0: from now on) as it happens, until the signal aborts. */
export async function* watchEvents(
  { store, signal }: Pick<ApiContext, "store" | "signal">,
  afterSequence: number,
  stop: AbortSignal,
): AsyncGenerator<EventRow> {
  let cursor = afterSequence === 0 ? store.revision : afterSequence;
  while (!stop.aborted) {
    // Taken before reading: what is committed while this reads or sends ends the wait at once.
    const { position } = signal;
    const rows = await store.read((read) => eventsAfter(read, cursor));
    yield* rows;
    cursor = rows.at(-1)?.revision ?? cursor;
    if (rows.length === 0) await signal.next(position, stop);
  }
}

function eventView(row: EventRow): Event {
  const { revision, at, kind, subject, message, actor } = row;
  return create(EventSchema, { sequence: BigInt(revision), at: timestampFromMs(at), kind, subject, message, actor });
}
