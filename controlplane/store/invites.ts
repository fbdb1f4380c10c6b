// Invitations to join. Each is used once; only the hash of its secret is kept.
import type { Selectable } from "kysely";
import { OzError } from "#core/errors.ts";
import type { Read, Write } from "./store.ts";
import type { InviteTable } from "./tables.ts";

export type InviteRow = Selectable<InviteTable>;

export type NewInvite = {
  id: string;
  /** SHA-256 of the secret, hex. */
  secretHash: string;
  /** Name the host shall get; empty for the one it gives itself. */
  hostName: string;
  /** Milliseconds since 1970. */
  now: number;
  ttlMs: number;
};

export async function createInvite(
  write: Write,
  { id, secretHash, hostName, now, ttlMs }: NewInvite,
): Promise<InviteRow> {
  const row: InviteRow = {
    id,
    secret_hash: secretHash,
    host_name: hostName,
    created_at: now,
    expires_at: now + ttlMs,
    used_at: null,
    used_by: null,
  };
  await write.insertInto("invites").values(row).execute();
  return row;
}

export function inviteById(read: Read, id: string): Promise<InviteRow | undefined> {
  return read.selectFrom("invites").selectAll().where("id", "=", id).executeTakeFirst();
}

export type InviteProof = {
  id: string;
  /** True when the secret that was sent is the one of this hash. Takes the same time for every answer (auth/tokens.ts). */
  secretMatches(secretHash: string): boolean;
  now: number;
};

/** Id of the host that joins with it. */
export type InviteUse = InviteProof & { usedBy: string };

/** The invitation, when it could be used now. Throws unauthenticated when it does not exist (or the secret is wrong: both say the same), was used, or is too old. */
export async function requireInvite(read: Read, { id, secretMatches, now }: InviteProof): Promise<InviteRow> {
  const row = await inviteById(read, id);
  // A wrong secret must not learn whether the invitation exists, so it is compared with something in any case.
  const matches = secretMatches(row?.secret_hash ?? "");
  if (row === undefined || !matches)
    throw refused("is not known here", "Was it made by another control plane, or not copied whole?");
  if (row.used_at !== null) throw refused(`was used already, at ${iso(row.used_at)}`, "Each works once.");
  if (row.expires_at <= now)
    throw refused(`ended at ${iso(row.expires_at)}`, "Is the clock of the control plane right?");
  return row;
}

/** Uses an invitation up, in the commit that makes the host. Throws what requireInvite throws. */
export async function takeInvite(write: Write, { usedBy, ...proof }: InviteUse): Promise<InviteRow> {
  const { id } = await requireInvite(write, proof);
  // The condition again: on a server database two commits may have come this far.
  const taken = await write
    .updateTable("invites")
    .set({ used_at: proof.now, used_by: usedBy })
    .where("id", "=", id)
    .where("used_at", "is", null)
    .returningAll()
    .executeTakeFirst();
  if (taken === undefined) throw refused("was used already, just now", "Each works once.");
  return taken;
}

/** Forgets invitations that ended before a time. */
export async function deleteInvites(write: Write, endedBefore: number): Promise<void> {
  await write.deleteFrom("invites").where("expires_at", "<", endedBefore).execute();
}

function refused(why: string, more: string): OzError {
  return new OzError("unauthenticated", `the join token ${why}`, { hint: `${more} Make a new one: ozctl host invite` });
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
