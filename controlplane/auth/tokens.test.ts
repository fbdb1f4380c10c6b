import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseJoinToken } from "#core/join-token.ts";
import { insertToken } from "../store/tokens.ts";
import { openSqlite, temporaryDirectory } from "../store/testing/stores.ts";
import {
  hashSecret,
  mintApiToken,
  mintJoinToken,
  parseApiToken,
  sameSecret,
  secretMatches,
  verifyApiToken,
} from "./tokens.ts";

describe("tokens", () => {
  it("for joining carry the authority's key and a secret that only its hash is kept of", () => {
    const ca = "ab".repeat(32);
    const minted = mintJoinToken(ca, randomBytes);
    const parsed = parseJoinToken(minted.token);
    expect(parsed).toMatchObject({ id: minted.id, caSha256: ca });
    expect(secretMatches(parsed.secret, minted.secretHash)).toBe(true);
    expect(minted.secretHash).not.toContain(parsed.secret);
  });

  it("match their own hash only", () => {
    expect(secretMatches("a", hashSecret("a"))).toBe(true);
    for (const hash of [hashSecret("b"), "", undefined, "not hex", "00".repeat(32)])
      expect(secretMatches("a", hash)).toBe(false);
  });

  it("are compared in full", () => {
    expect([sameSecret("k", "k"), sameSecret("k", "K"), sameSecret("k", "kk"), sameSecret("", "")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it("are taken while they are good", async () => {
    using dir = temporaryDirectory();
    await using store = await openSqlite(dir.path);
    const minted = mintApiToken(randomBytes);
    const row = {
      id: minted.id,
      secret_hash: minted.secretHash,
      name: "ci",
      role: "admin" as const,
      created_at: 0,
      expires_at: 1000,
    };
    await store.commit(undefined, ({ trx }) => insertToken(trx, row));
    const verify = (token: string, now = 999) => store.read((read) => verifyApiToken(read, token, now));
    expect(await verify(minted.token)).toEqual(row);
    expect(await verify(minted.token, 1000)).toBeUndefined();
    const secret = parseApiToken(minted.token)?.secret ?? "";
    for (const wrong of ["", "ozt_", `ozt_${minted.id}_${"x".repeat(43)}`, `ozt_other_${secret}`, `${minted.token}x`]) {
      expect(await verify(wrong), wrong).toBeUndefined();
    }
  });
});
