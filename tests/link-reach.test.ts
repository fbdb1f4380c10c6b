// An agent that cannot reach its control plane says which of name lookup, connection, TLS, pinned authority and token failed: when it
// joins, in its log and in its status.
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { manualClock } from "#core/testing/manual-clock.ts";
import { HelloSchema } from "#proto/agent_pb.ts";
import { create } from "@bufbuild/protobuf";
import { enroll } from "../agent/link/enroll.ts";
import { loadIdentity } from "../agent/link/identity-files.ts";
import { startLink } from "../agent/link/session.ts";
import type { LinkIdentity } from "../agent/link/transport.ts";
import { openAuthority } from "../controlplane/pki/authority.ts";
import { agentStatus, statusText } from "../agent/status.ts";
import { type LinkCluster, openLinkCluster } from "./support/link-cluster.ts";
import { waitUntil } from "./support/wait-until.ts";

let stack: AsyncDisposableStack;
let dir = "";
beforeEach(() => {
  stack = new AsyncDisposableStack();
  dir = mkdtempSync(join(tmpdir(), "ozwald-reach-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
});
afterEach(() => stack.disposeAsync());

const open = async (...options: Parameters<typeof openLinkCluster>): Promise<LinkCluster> =>
  stack.use(await openLinkCluster(...options));

/** A port of 127.0.0.1 on which this is done to every connection. */
async function listening(serve: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

const noTls = () => listening((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
const silent = () => listening(() => {});
const nobody = "https://127.0.0.1:1";
const noName = "https://no-such-host.invalid:7443";

describe("joining", () => {
  const join1 = (address: string, token: string) =>
    enroll({ address, token, hostname: "gpu-box", stateDir: join(dir, "state"), timeoutMs: 500 });
  const refused = async (address: string, token: string) =>
    join1(address, token).then(
      () => expect.unreachable("it joined"),
      ({ code, message, hint }: { code: string; message: string; hint: string }) => ({ code, message, hint }),
    );

  test.each([
    ["DNS", async () => noName, /cannot be reached: DNS: no address was found for its name/, "getent hosts"],
    ["TCP", async () => nobody, /cannot be reached: TCP: no connection \(connect ECONNREFUSED/, "firewall"],
    ["TLS", noTls, /cannot be reached: TLS: .*wrong version number/, "7443"],
    ["TLS, cut", () => listening((socket) => socket.destroy()), /cannot be reached: TLS: /, "7443"],
    ["TLS, silent", silent, /cannot be reached: TLS: no answer within 500 ms/, "7443"],
  ])("%s", async (_what, place, message, hint) => {
    const cluster = await open();
    const error = await refused(await place(), cluster.invite());
    expect(error).toEqual({
      code: "unavailable",
      message: expect.stringMatching(message),
      hint: expect.stringContaining(hint),
    });
    expect(cluster.tokens).toEqual([]);
  });

  test.each([
    ["slow", 30 * 86_400_000, "not yet valid"],
    ["fast", -20 * 365 * 86_400_000, "expired"],
  ])("a clock that is far too %s is named, and no token is sent", async (_how, aheadMs, said) => {
    const cluster = await open({ clock: manualClock(systemClock.now() + aheadMs) });
    const error = await refused(cluster.address, cluster.invite());
    expect(error.message).toMatch(new RegExp(`TLS: .*${said}; compare the clocks of both machines \\(date\\)`));
    expect(cluster.tokens).toEqual([]);
  });

  test("pin: a control plane of another authority is sent no token", async () => {
    const [mine, other] = [await open(), await open()];
    expect(await refused(other.address, mine.invite())).toMatchObject({
      ...{ code: "unauthenticated", message: expect.stringMatching(/\(pin\).*The token was not sent/) },
    });
    expect(other.tokens).toEqual([]);
  });

  test("a certificate that has ended is said to be that, also to a host that tries another address", async () => {
    const cluster = await open();
    const { authority } = cluster;
    const stateDir = join(dir, "state");
    await join1(cluster.address, cluster.invite());
    const ended = await openAuthority({
      ...{ dir: join(cluster.dir, "pki"), names: { dns: ["localhost"], ips: ["127.0.0.1"] } },
      clock: manualClock(systemClock.now() - 20 * 365 * 86_400_000),
    });
    await ended.rename({ dns: ["localhost", "old"], ips: ["127.0.0.1"] });
    cluster.port.setAuthority({
      ...authority,
      serverCertChainPem: ended.serverCertChainPem,
      serverKeyPem: ended.serverKeyPem,
    });
    const error = await refused(`https://localhost:${cluster.port.port}`, cluster.invite());
    expect(error.message).toMatch(/TLS: certificate has expired; compare the clocks/);
    expect((await loadIdentity(stateDir))?.address).toBe(cluster.address);
  });

  test("token: one that is used", async () => {
    const cluster = await open();
    const token = cluster.invite();
    await join1(cluster.address, token);
    rmSync(join(dir, "state"), { recursive: true });
    expect(await refused(cluster.address, token)).toMatchObject({
      ...{ code: "unauthenticated", message: expect.stringContaining("refused the token") },
      hint: expect.stringContaining("ozctl host invite"),
    });
  });
});

describe("the link", () => {
  /** Runs a link until it has failed once; gives the reason in its log and what `ozwald-agent status` shows then. */
  async function failing(identity: LinkIdentity, address: string) {
    const logged: string[] = [];
    const link = startLink({
      ...{ identity, addresses: () => [address] as const, clock: systemClock, random: () => 0.5, connectMs: 300 },
      log: { ...quietLog, warn: (fields: unknown) => void logged.push((fields as { reason: string }).reason) },
      hello: async () => create(HelloSchema, { hostId: identity.hostId }),
      onWelcome: () => {},
      onAssignment: () => Promise.reject(new Error("nothing is assigned here")),
      onOpenChannel: async () => {},
    });
    stack.use(link);
    await waitUntil("it has failed", () => logged.length > 0, 10_000);
    const status = agentStatus({
      identity: { ...identity, name: "gpu-box", clusterId: "c", address, addresses: [] },
      brain: { engineProblem: () => "", observed: () => [] } as never,
      ...{ link, move: { problem: () => "" }, startedAt: 0, now: 1 },
    });
    const line = statusText(status).split("\n")[1];
    return { logged: logged[0], status: line };
  }

  test("ends without waiting for a Hello that is not ready", async () => {
    const asked = Promise.withResolvers<void>();
    const link = startLink({
      ...{
        identity: await (await open()).identity("host1"),
        addresses: () => [nobody] as const,
        clock: systemClock,
        log: quietLog,
      },
      random: () => 0.5,
      hello: () => {
        asked.resolve();
        return new Promise(() => {});
      },
      onWelcome: () => {},
      onAssignment: () => Promise.reject(new Error("nothing is assigned here")),
      onOpenChannel: async () => {},
    });
    await asked.promise;
    await link[Symbol.asyncDispose]();
    expect(link.state().state).toBe("closed");
  });

  test.each([
    ["DNS", async () => noName, /^DNS: no address was found for its name/],
    ["TCP", async () => nobody, /^TCP: no connection \(connect ECONNREFUSED 127\.0\.0\.1:1\)$/],
    ["TLS", noTls, /^TLS: .*wrong version number/],
    ["TLS, silent", silent, /^TLS: the connection was taken, and the control plane said nothing for 300 ms$/],
  ])("%s", async (_what, place, reason) => {
    const identity = await (await open()).identity("host1");
    const address = await place();
    const { logged, status } = await failing(identity, address);
    expect(logged).toMatch(reason);
    // Also while the next attempt goes on.
    expect(status).toContain(`${address}  `);
    expect(status).toContain(`(${logged})`);
  });

  test("TLS: a certificate for another address", async () => {
    const cluster = await open({ tls: { host: "0.0.0.0" } });
    const { logged } = await failing(await cluster.identity("host1"), `https://127.0.0.2:${cluster.port.port}`);
    expect(logged).toMatch(/^TLS: its certificate is for another address .*address set/);
  });

  test("pin: another authority", async () => {
    const [mine, other] = [await open(), await open()];
    const { logged, status } = await failing(await mine.identity("host1"), other.address);
    expect(logged).toMatch(/^pin: its certificate is not of the authority that this host trusts/);
    expect(status).toContain("(pin: ");
  });

  test("the certificate, which is the token of a host that has joined", async () => {
    const cluster = await open();
    cluster.revoked.add("host1");
    const { logged } = await failing(await cluster.identity("host1"), cluster.address);
    expect(logged).toMatch(/certificate was revoked/);
  });
});
