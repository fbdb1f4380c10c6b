import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EventsService } from "#proto/events_pb.ts";
import { HostsService } from "#proto/hosts_pb.ts";
import { TokensService } from "#proto/tokens_pb.ts";
import { hashSecret } from "../auth/tokens.ts";
import { listTokens } from "../store/tokens.ts";
import { startTestControlPlane, type TestControlPlane } from "../testing/control-plane.ts";

let plane: TestControlPlane;
beforeEach(async () => {
  plane = await startTestControlPlane();
});
afterEach(() => plane[Symbol.asyncDispose]());

const tokens = (token?: string) => plane.client(TokensService, token);

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = ConnectError.from(await call.then(() => undefined).catch((thrown: unknown) => thrown));
  return Code[error.code];
}

test("a token is shown once, kept as a hash, good at once, and leaves its traces", async () => {
  const made = await tokens().createToken({ name: "laptop", ttlSeconds: 3600n });
  expect(made).toMatchObject({ address: "https://127.0.0.1:7443", caSha256: plane.context.authority.caSha256 });
  const secret = made.token.split("_").slice(2).join("_");
  const [row] = await plane.context.store.read(listTokens);
  expect(row?.secret_hash).toBe(hashSecret(secret));
  expect(JSON.stringify(row)).not.toContain(secret);
  await plane.client(HostsService, made.token).listHosts({});
  const listed = await tokens(made.token).listTokens({});
  expect(listed.tokens).toMatchObject([{ name: "laptop", own: true, ended: false }]);
  expect((await tokens().listTokens({})).tokens[0]?.own).toBe(false);
  await tokens().revokeToken({ token: "laptop" });
  const { events } = await plane.client(EventsService).listEvents({ subject: "token/laptop" });
  expect(events.map(({ kind, actor }) => [kind, actor])).toEqual([
    ["token.created", "local root"],
    ["token.revoked", "local root"],
  ]);
  expect(JSON.stringify(events, (_key, value: unknown) => (typeof value === "bigint" ? "" : value))).not.toContain(
    secret,
  );
});

test("nobody without a token, and none that was revoked or has ended", async () => {
  for (const call of ["createToken", "listTokens", "revokeToken"] as const)
    expect(await codeOf(tokens("")[call]({}))).toBe("Unauthenticated");
  const { token, info } = await tokens().createToken({ name: "ci" });
  await tokens().revokeToken({ token: info?.id ?? "" });
  expect(await codeOf(tokens(token).listTokens({}))).toBe("Unauthenticated");
});

test("one's own only when that is wished", async () => {
  const { token } = await tokens().createToken({ name: "mine" });
  expect(await codeOf(tokens(token).revokeToken({ token: "mine" }))).toBe("FailedPrecondition");
  expect((await tokens(token).revokeToken({ token: "mine", evenOwn: true })).info?.own).toBe(true);
});

test("names are taken once, may be taken again after their end, and are told when unknown", async () => {
  await tokens().createToken({ name: "ci" });
  expect(await codeOf(tokens().createToken({ name: "ci" }))).toBe("AlreadyExists");
  await plane.context.store.commit(undefined, ({ trx }) =>
    trx
      .updateTable("tokens")
      .set({ expires_at: 1 })
      .execute()
      .then(() => {}),
  );
  expect((await tokens().listTokens({})).tokens).toMatchObject([{ name: "ci", ended: true }]);
  await tokens().createToken({ name: "ci" });
  expect((await tokens().listTokens({})).tokens).toMatchObject([{ name: "ci", ended: false }]);
  expect(await codeOf(tokens().revokeToken({ token: "cii" }))).toBe("NotFound");
  for (const bad of [{ name: "a b" }, { name: "x", ttlSeconds: 5n }, { name: "x", ttlSeconds: 10n ** 12n }])
    expect(await codeOf(tokens().createToken(bad))).toBe("InvalidArgument");
});
