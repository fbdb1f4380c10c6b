// Knows a caller by the bearer token of its request.
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Store } from "../store/store.ts";
import { anonymous, type Principal } from "./principal.ts";
import { verifyApiToken } from "./tokens.ts";

/** A token that is missing or not good leaves the caller anonymous; the rule of the call decides what that means. */
export function bearerPrincipal(
  store: Store,
  clock: Clock,
): (request: { headers: { authorization?: string | undefined } }) => Promise<Principal> {
  return async ({ headers }) => {
    const token = /^Bearer ([A-Za-z0-9_-]+)$/.exec(headers.authorization ?? "")?.[1];
    if (token === undefined) return anonymous;
    const row = await store.read((read) => verifyApiToken(read, token, clock.now()));
    if (row === undefined) return { ...anonymous, problem: notGood };
    const ends = row.expires_at !== null && { tokenEndsAt: row.expires_at };
    return { kind: "admin", name: `token ${row.name}`, tokenId: row.id, ...ends };
  };
}

const notGood = new OzError("unauthenticated", "the token that was sent is not known here, or has ended", {
  hint: "Does the context belong to this control plane? ozctl context ls",
});
