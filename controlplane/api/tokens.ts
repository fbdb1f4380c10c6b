// Makes, lists and revokes API tokens. A secret leaves this file once, in the answer that made it.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { isName, suggestion } from "#core/names.ts";
import { TokensService } from "#proto/tokens_pb.ts";
import { type Principal, principalKey } from "../auth/principal.ts";
import { mintApiToken } from "../auth/tokens.ts";
import { packageLine } from "../install/install-script.ts";
import { deleteToken, insertToken, listTokens, type TokenRow } from "../store/tokens.ts";
import type { ApiContext } from "./context.ts";

const leastTtlSeconds = 60;
const mostTtlSeconds = 10 * 366 * 86_400;

export function tokenRoutes(router: ConnectRouter, context: ApiContext): void {
  const { store, clock } = context;
  const caller = (call: HandlerContext): Principal => call.values.get(principalKey);
  router.service(TokensService, {
    async createToken({ name, ttlSeconds }, call) {
      requireTokenName(name);
      const ttlMs = requireTtl(ttlSeconds) * 1000;
      const minted = mintApiToken(context.random);
      const now = clock.now();
      const row: TokenRow = {
        id: minted.id,
        secret_hash: minted.secretHash,
        name,
        role: "admin",
        created_at: now,
        expires_at: ttlMs === 0 ? null : now + ttlMs,
      };
      await store.commit(undefined, async ({ trx, event }) => {
        const same = (await listTokens(trx)).filter((token) => token.name === name);
        if (same.some((token) => !hasEnded(token, now)))
          throw new OzError("already_exists", `there is a token ${name} already`, {
            hint: `Choose another name, or revoke it first: ozctl token revoke ${name}`,
          });
        // One that has ended makes room for its successor.
        for (const token of same) await deleteToken(trx, token.id);
        await insertToken(trx, row);
        await event({
          kind: "token.created",
          subject: `token/${name}`,
          message: `token ${name} (${row.id}) was made`,
          actor: caller(call).name,
        });
      });
      return {
        info: tokenInfo(row, now, caller(call)),
        token: minted.token,
        address: context.advertised(),
        caSha256: context.authority.caSha256,
        packageLine: context.installable ? packageLine(context.advertised(), context.authority.serverPinSha256) : "",
      };
    },
    async listTokens(_request, call) {
      const rows = await store.read(listTokens);
      return { tokens: rows.map((row) => tokenInfo(row, clock.now(), caller(call))) };
    },
    async revokeToken({ token, evenOwn }, call) {
      const me = caller(call);
      let row: TokenRow | undefined;
      await store.commit(undefined, async ({ trx, event }) => {
        row = chosenToken(await listTokens(trx), token);
        if (row.id === me.tokenId && !evenOwn)
          throw new OzError("precondition", `${row.name} is the token that asks; it would shut itself out`, {
            hint: `Use another context, or say --yes: ozctl token revoke ${token} --yes`,
          });
        await deleteToken(trx, row.id);
        await event({
          kind: "token.revoked",
          subject: `token/${row.name}`,
          message: `token ${row.name} (${row.id}) was revoked`,
          actor: me.name,
        });
      });
      if (row !== undefined) context.liveCalls.revoked(row.id);
      return row === undefined ? {} : { info: tokenInfo(row, clock.now(), me) };
    },
  });
}

function hasEnded(row: TokenRow, now: number): boolean {
  return row.expires_at !== null && row.expires_at <= now;
}

function tokenInfo(row: TokenRow, now: number, caller: Principal) {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    created: timestampFromMs(row.created_at),
    ...(row.expires_at === null ? {} : { expires: timestampFromMs(row.expires_at) }),
    ended: hasEnded(row, now),
    own: row.id === caller.tokenId,
  };
}

/** The token of that id, or the only one of that name. */
function chosenToken(rows: readonly TokenRow[], written: string): TokenRow {
  const byId = rows.find((row) => row.id === written);
  if (byId !== undefined) return byId;
  const named = rows.filter((row) => row.name === written);
  const [only] = named;
  if (only === undefined)
    throw new OzError("not_found", `there is no token ${written}`, {
      hint: `${suggestion(
        written,
        rows.map((row) => row.name),
      )}  ozctl token ls`.trim(),
    });
  if (named.length > 1)
    throw new OzError("conflict", `${named.length} tokens are called ${written}`, {
      hint: `Say which: ${named.map((row) => row.id).join(", ")}`,
    });
  return only;
}

function requireTokenName(name: string): void {
  if (isName(name)) return;
  throw new OzError("bad_request", `${JSON.stringify(name)} is no name for a token`, {
    hint: "Use letters, digits, dot, dash and underscore.",
  });
}

function requireTtl(seconds: bigint): number {
  const ttl = Number(seconds);
  if (ttl === 0 || (ttl >= leastTtlSeconds && ttl <= mostTtlSeconds)) return ttl;
  throw new OzError("bad_request", `a token lasts between one minute and ten years, not ${ttl} s`, {
    hint: "Write 30d, or leave it out for one that does not end.",
  });
}
