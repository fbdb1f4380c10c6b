// Operations: changes in progress, and the latest that ended.
import type { Insertable, Selectable } from "kysely";
import type { Read, Write } from "./store.ts";
import type { OperationTable } from "./tables.ts";

export type OperationRow = Selectable<OperationTable>;
export type NewOperation = Omit<Insertable<OperationTable>, "id">;

/** The newest, oldest first. limit: default 50. */
export async function listOperations(read: Read, limit = 50): Promise<OperationRow[]> {
  const newest = await read.selectFrom("operations").selectAll().orderBy("id", "desc").limit(limit).execute();
  return newest.toReversed();
}

/** Those that have not ended, oldest first. */
export function runningOperations(read: Read): Promise<OperationRow[]> {
  return read.selectFrom("operations").selectAll().where("state", "=", "running").orderBy("id").execute();
}

export function operationById(read: Read, id: number): Promise<OperationRow | undefined> {
  return read.selectFrom("operations").selectAll().where("id", "=", id).executeTakeFirst();
}

/** The operation that an earlier call with the same idempotency key made. */
export function operationByKey(read: Read, idempotencyKey: string): Promise<OperationRow | undefined> {
  return read.selectFrom("operations").selectAll().where("idempotency_key", "=", idempotencyKey).executeTakeFirst();
}

/** Returns the id: counted up from 1, never given twice. */
export async function insertOperation(write: Write, row: NewOperation): Promise<number> {
  const { id } = await write.insertInto("operations").values(row).returning("id").executeTakeFirstOrThrow();
  return id;
}

export async function updateOperation(write: Write, id: number, change: Partial<NewOperation>): Promise<void> {
  await write.updateTable("operations").set(change).where("id", "=", id).execute();
}
