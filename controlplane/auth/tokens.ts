// Join tokens and API tokens: how they are made, hashed and compared. Secrets are 32 random bytes, so one SHA-256 is enough.
import { createHash, timingSafeEqual } from "node:crypto";
import { type RandomBytes, randomId } from "#core/ids.ts";
import { formatJoinToken } from "#core/join-token.ts";
import { type TokenRow, tokenById } from "../store/tokens.ts";
import type { Read } from "../store/store.ts";

export type MintedToken = {
  readonly id: string;
  /** The whole token; shown once, kept nowhere. */
  readonly token: string;
  /** SHA-256 of its secret, hex: what is stored. */
  readonly secretHash: string;
};

/** A join token. caSha256: SHA-256 of the authority's public key, hex (Authority.caSha256). */
export function mintJoinToken(caSha256: string, random: RandomBytes): MintedToken {
  const id = randomId(random);
  const secret = newSecret(random);
  return { id, token: formatJoinToken({ id, caSha256, secret }), secretHash: hashSecret(secret) };
}

/** An API token, `ozt_<id>_<secret>`. */
export function mintApiToken(random: RandomBytes): MintedToken {
  const id = randomId(random);
  const secret = newSecret(random);
  return { id, token: `ozt_${id}_${secret}`, secretHash: hashSecret(secret) };
}

/** Id and secret of an API token; undefined when it is none. */
export function parseApiToken(text: string): { id: string; secret: string } | undefined {
  const [, id, secret] = /^ozt_([0-9a-z]{1,40})_([A-Za-z0-9_-]{43})$/.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** SHA-256 of a secret, hex. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a secret has a hash. Takes the same time for every answer, also when there is no hash ("" or undefined). */
export function secretMatches(secret: string, hash: string | undefined): boolean {
  const known = hash !== undefined && /^[0-9a-f]{64}$/.test(hash);
  const same = timingSafeEqual(
    Buffer.from(hashSecret(secret), "hex"),
    Buffer.from(known ? hash : "00".repeat(32), "hex"),
  );
  return known && same;
}

/**
 * Whether two texts are the same, in the same time for every answer (keys from the environment, such as OZWALD_SYSTEM_KEY).
 * False when either is empty.
 */
export function sameSecret(a: string, b: string): boolean {
  return a !== "" && b !== "" && timingSafeEqual(Buffer.from(hashSecret(a), "hex"), Buffer.from(hashSecret(b), "hex"));
}

/** The row of a good API token; undefined when it is malformed, unknown, wrong or expired. now: milliseconds since 1970. */
export async function verifyApiToken(read: Read, text: string, now: number): Promise<TokenRow | undefined> {
  const parsed = parseApiToken(text);
  const row = parsed === undefined ? undefined : await tokenById(read, parsed.id);
  const matches = secretMatches(parsed?.secret ?? "", row?.secret_hash);
  const ended = row !== undefined && row.expires_at !== null && row.expires_at <= now;
  return matches && !ended ? row : undefined;
}

function newSecret(random: RandomBytes): string {
  return Buffer.from(random(32)).toString("base64url");
}
