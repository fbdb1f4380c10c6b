// API tokens. Only the hash of a secret is kept.
import type { Selectable } from "kysely";
import type { Read, Write } from "./store.ts";
import type { TokenTable } from "./tables.ts";

export type TokenRow = Selectable<TokenTable>;

/** By name. */
export function listTokens(read: Read): Promise<TokenRow[]> {
  return read.selectFrom("tokens").selectAll().orderBy("name").orderBy("id").execute();
}

export function tokenById(read: Read, id: string): Promise<TokenRow | undefined> {
  return read.selectFrom("tokens").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function insertToken(write: Write, row: TokenRow): Promise<void> {
  await write.insertInto("tokens").values(row).execute();
}

export async function deleteToken(write: Write, id: string): Promise<void> {
  await write.deleteFrom("tokens").where("id", "=", id).execute();
}
