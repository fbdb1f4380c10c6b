// Shows what happened.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { type Event, EventSchema, EventsService } from "#proto/events_pb.ts";
import { eventsAfter, listEvents } from "../store/events.ts";
import type { EventTable } from "../store/tables.ts";
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
      let cursor = afterSequence === 0n ? context.store.revision : Number(afterSequence);
      let position = 0;
      while (!call.signal.aborted) {
        const rows = await context.store.read((read) => eventsAfter(read, cursor));
        for (const row of rows) yield { event: eventView(row) };
        cursor = rows.at(-1)?.revision ?? cursor;
        position = await context.signal.next(
          rows.length > 0 ? context.signal.position : Math.max(position, context.signal.position),
          call.signal,
        );
      }
    },
  });
}

function eventView(row: EventTable): Event {
  const { revision, at, kind, subject, message, actor } = row;
  return create(EventSchema, { sequence: BigInt(revision), at: timestampFromMs(at), kind, subject, message, actor });
}
