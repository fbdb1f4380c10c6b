// What the store forgets, so that it stays small: old events, operations that ended long ago, invitations that ended.
// Incarnations of the present epoch are never forgotten: an agent may come back after any number of restarts.
import { prunedToKey, oldestRevision } from "./events.ts";
import { deleteInvites } from "./invites.ts";
import type { Read, Store, Write } from "./store.ts";

export type PruneOptions = {
  /** Milliseconds since 1970. */
  now: number;
  /** Events of so many newest revisions stay. Default 10,000. */
  keepRevisions?: number;
  /** So many ended operations stay. Default 1,000. */
  keepOperations?: number;
};

/** Invitations that ended stay a while, so that a late use is told why it is refused. */
const keepInvitesMs = 7 * 24 * 3_600_000;
/** Pruning is a commit too: it waits until there is a heap. */
const heap = 0.1;

/** Forgets in one commit, and only when there is something worth it. Returns whether there was. */
export async function prune(store: Store, options: PruneOptions): Promise<boolean> {
  const { now, keepRevisions = 10_000, keepOperations = 1_000 } = options;
  const due = await store.read(async (read) => ({
    events: store.revision - (await oldestRevision(read)) > keepRevisions * (1 + heap),
    operations: (await endedOperations(read)) > keepOperations * (1 + heap),
  }));
  if (!due.events && !due.operations) return false;
  await store.commit(undefined, async ({ trx, revision }) => {
    await pruneEvents(trx, revision - keepRevisions);
    await pruneOperations(trx, keepOperations);
    await deleteInvites(trx, now - keepInvitesMs);
    await trx.deleteFrom("incarnations").where("epoch", "<", store.epoch).execute();
  });
  return true;
}

async function pruneEvents(trx: Write, upTo: number): Promise<void> {
  if (upTo <= (await oldestRevision(trx))) return;
  await trx.deleteFrom("events").where("revision", "<=", upTo).execute();
  await trx
    .insertInto("meta")
    .values({ key: prunedToKey, value: String(upTo) })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: String(upTo) }))
    .execute();
}

async function pruneOperations(trx: Write, keep: number): Promise<void> {
  const ended = trx.selectFrom("operations").where("ended_at", "is not", null);
  const newestGone = await ended
    .select(["id", "ended_at"])
    .orderBy("ended_at", "desc")
    .orderBy("id", "desc")
    .offset(keep)
    .limit(1)
    .executeTakeFirst();
  if (newestGone === undefined) return;
  const at = newestGone.ended_at ?? 0;
  await trx
    .deleteFrom("operations")
    .where((eb) => eb.or([eb("ended_at", "<", at), eb.and([eb("ended_at", "=", at), eb("id", "<=", newestGone.id)])]))
    .execute();
}

async function endedOperations(read: Read): Promise<number> {
  const row = await read
    .selectFrom("operations")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("ended_at", "is not", null)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}
