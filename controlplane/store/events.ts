// The event log. Its cursor is the revision of the commit that wrote an event; commits write them (Commit.event).
import type { Selectable } from "kysely";
import { OzError } from "#core/errors.ts";
import { nameInGroup } from "#core/names.ts";
import type { Read } from "./store.ts";
import type { EventTable } from "./tables.ts";

export type EventRow = Selectable<EventTable>;

/** Subject of events of an instance: "instance/web", "instance/shop:web" outside of group default. */
export function instanceSubject(group: string, name: string): string {
  return `instance/${nameInGroup(group, name)}`;
}

/** Key in meta: events up to this revision are gone. */
export const prunedToKey = "events_pruned_to";

/** The newest events, oldest first. limit: default 50. subject: only about this one; empty for all. */
export async function listEvents(read: Read, options: { limit?: number; subject?: string } = {}): Promise<EventRow[]> {
  const { limit = 50, subject = "" } = options;
  const newest = await read
    .selectFrom("events")
    .selectAll()
    .$if(subject !== "", (query) => query.where("subject", "=", subject))
    .orderBy("revision", "desc")
    .orderBy("ordinal", "desc")
    .limit(limit)
    .execute();
  return newest.toReversed();
}

/**
 * Events of the commits after a revision, oldest first, whole commits only: the revision of the last one is the next cursor.
 * limit: how many to stop after, default 1,000; a commit that goes over it is still whole.
 * Throws cursor_too_old when events after that revision are gone, or the revision was never reached here.
 */
export async function eventsAfter(read: Read, revision: number, limit = 1000): Promise<EventRow[]> {
  const oldest = await oldestRevision(read);
  if (revision < oldest) throw tooOld(`events up to ${oldest} are no longer kept, and ${revision} was asked for`);
  const newest = await read.selectFrom("revision").select("n").executeTakeFirstOrThrow();
  if (revision > newest.n) throw tooOld(`revision ${revision} is not part of this history, which is at ${newest.n}`);
  const after = read.selectFrom("events").where("revision", ">", revision).orderBy("revision").orderBy("ordinal");
  const last = await after
    .select("revision")
    .offset(limit - 1)
    .limit(1)
    .executeTakeFirst();
  return after
    .selectAll()
    .$if(last !== undefined, (query) => query.where("revision", "<=", last?.revision ?? 0))
    .execute();
}

/** The lowest cursor that eventsAfter takes. */
export async function oldestRevision(read: Read): Promise<number> {
  const row = await read.selectFrom("meta").select("value").where("key", "=", prunedToKey).executeTakeFirst();
  return Number(row?.value ?? "0");
}

function tooOld(message: string): OzError {
  return new OzError("cursor_too_old", message, { hint: "List again, and watch from there." });
}
