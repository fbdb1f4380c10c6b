// Instances: what is wanted, whoever wants it.
import type { Selectable } from "kysely";
import type { Read, Write } from "./store.ts";
import type { InstanceTable } from "./tables.ts";

export type InstanceRow = Selectable<InstanceTable>;

/** By group and name. */
export function listInstances(read: Read): Promise<InstanceRow[]> {
  return read.selectFrom("instances").selectAll().orderBy("group_name").orderBy("name").execute();
}

/** Writes an instance, whether or not its id is known. A group has each name once. */
export async function upsertInstance(write: Write, row: InstanceRow): Promise<void> {
  const { id: _id, ...rest } = row;
  await write
    .insertInto("instances")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(rest))
    .execute();
}

/** Their replicas stay, without an instance, until their containers are gone. */
export async function deleteInstances(write: Write, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await write.deleteFrom("instances").where("id", "in", ids).execute();
}
