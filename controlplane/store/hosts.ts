// Hosts: machines that joined. A removed one keeps its row, so that its certificate stays refused.
import type { Selectable } from "kysely";
import type { Read, Write } from "./store.ts";
import type { HostTable } from "./tables.ts";

export type HostRow = Selectable<HostTable>;

/** Active hosts, by name. */
export function listHosts(read: Read): Promise<HostRow[]> {
  return read.selectFrom("hosts").selectAll().where("state", "=", "active").orderBy("name").execute();
}

/** Also a removed one. */
export function hostById(read: Read, id: string): Promise<HostRow | undefined> {
  return read.selectFrom("hosts").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Ids whose certificates are refused. */
export async function removedHostIds(read: Read): Promise<string[]> {
  const rows = await read.selectFrom("hosts").select("id").where("state", "=", "removed").execute();
  return rows.map((row) => row.id);
}

/** Writes a host, whether or not its id is known. An active host of the same name under another id is an error of the database. */
export async function upsertHost(write: Write, row: HostRow): Promise<void> {
  const { id: _id, ...rest } = row;
  await write
    .insertInto("hosts")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(rest))
    .execute();
}

export async function updateHost(write: Write, id: string, change: Partial<Omit<HostRow, "id">>): Promise<void> {
  await write.updateTable("hosts").set(change).where("id", "=", id).execute();
}

/** Frees the name and refuses the certificate from now on. */
export async function removeHost(write: Write, id: string): Promise<void> {
  await updateHost(write, id, { state: "removed" });
}
