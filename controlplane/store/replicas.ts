// Replicas: slots of instances bound to hosts, and what was last seen of them.
import type { Selectable } from "kysely";
import type { Read, Write } from "./store.ts";
import type { ReplicaTable } from "./tables.ts";

export type ReplicaRow = Selectable<ReplicaTable>;

/** By group, instance and slot. */
export function listReplicas(read: Read): Promise<ReplicaRow[]> {
  return read
    .selectFrom("replicas")
    .selectAll()
    .orderBy("group_name")
    .orderBy("instance_name")
    .orderBy("slot")
    .orderBy("id")
    .execute();
}

/** Its host and instance exist in the same commit or before. */
export async function insertReplica(write: Write, row: ReplicaRow): Promise<void> {
  await write.insertInto("replicas").values(row).execute();
}

export async function updateReplica(write: Write, id: string, change: Partial<Omit<ReplicaRow, "id">>): Promise<void> {
  await write.updateTable("replicas").set(change).where("id", "=", id).execute();
}

export async function deleteReplica(write: Write, id: string): Promise<void> {
  await write.deleteFrom("replicas").where("id", "=", id).execute();
}
