// Instances: what is wanted, whoever wants it.
import type { Selectable } from "kysely";
import type { Read, Write } from "./store.ts";
import type { InstanceTable } from "./tables.ts";

export type InstanceRow = Selectable<InstanceTable>;

/** By group and name. */
export function listInstances(read: Read): Promise<InstanceRow[]> {
  return read.selectFrom("instances").selectAll().orderBy("group_name").orderBy("name").execute();
}

/** Those of one owner ("dynamic", "settings/<project>"), by group and name. */
export function instancesOfOwner(read: Read, owner: string): Promise<InstanceRow[]> {
  return read
    .selectFrom("instances")
    .selectAll()
    .where("owner", "=", owner)
    .orderBy("group_name")
    .orderBy("name")
    .execute();
}

export function instanceById(read: Read, id: string): Promise<InstanceRow | undefined> {
  return read.selectFrom("instances").selectAll().where("id", "=", id).executeTakeFirst();
}

export function instanceByName(read: Read, group: string, name: string): Promise<InstanceRow | undefined> {
  return read
    .selectFrom("instances")
    .selectAll()
    .where("group_name", "=", group)
    .where("name", "=", name)
    .executeTakeFirst();
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
