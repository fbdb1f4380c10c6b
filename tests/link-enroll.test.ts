// Joining and renewing over real TLS: whom the token is shown to, and what is left on the disk.
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { manualClock } from "#core/testing/manual-clock.ts";
import { parseJoinToken } from "#core/join-token.ts";
import { EnrollRequestSchema } from "#proto/hosts_pb.ts";
import { parseControlAddress } from "#core/control-address.ts";
import { callEnroll } from "../agent/link/enroll-call.ts";
import { enroll } from "../agent/link/enroll.ts";
import { loadIdentity } from "../agent/link/identity-files.ts";
import { startRenewal } from "../agent/link/renew.ts";
import { openAuthority } from "../controlplane/pki/authority.ts";
import { type LinkCluster, openLinkCluster, startAgent } from "./support/link-cluster.ts";
import { waitUntil } from "./support/wait-until.ts";

let stack: AsyncDisposableStack;
let dir = "";
beforeEach(() => {
  stack = new AsyncDisposableStack();
  dir = mkdtempSync(join(tmpdir(), "ozwald-join-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await stack.disposeAsync();
});

const open = async (): Promise<LinkCluster> => stack.use(await openLinkCluster());
const join1 = (
  cluster: { address: string },
  token: string,
  more: { stateDir?: string; timeoutMs?: number; signal?: AbortSignal } = {},
) => enroll({ address: cluster.address, token, hostname: "gpu-box", stateDir: join(dir, "state"), ...more });

describe("joining", () => {
  test("ends with an identity that the link accepts", async () => {
    const cluster = await open();
    const { outcome, identity } = await join1(cluster, cluster.invite());
    expect([outcome, identity.hostId, identity.name, identity.address]).toEqual([
      "joined",
      "host1",
      "gpu-box",
      cluster.address,
    ]);
    expect(await loadIdentity(join(dir, "state"))).toEqual(identity);
    const agent = startAgent(cluster, identity);
    stack.use(agent.link);
    await waitUntil("it is welcomed", () => cluster.hub.host("host1")?.state === "online");
  });

  test("works by name as well as by address", async () => {
    const cluster = await open();
    const { identity } = await join1({ address: `localhost:${cluster.port.port}` }, cluster.invite());
    const agent = startAgent(identity, identity);
    stack.use(agent.link);
    await waitUntil("it is welcomed", () => agent.link.state().state === "ready");
  });

  test("again says that it has joined, and does not use the token", async () => {
    const cluster = await open();
    const first = await join1(cluster, cluster.invite());
    const again = await join1(cluster, cluster.invite());
    expect([again.outcome, again.identity]).toEqual(["already_joined", first.identity]);
    expect(cluster.tokens).toHaveLength(1);
    const other = await open();
    await expect(join1(other, other.invite())).rejects.toMatchObject({
      code: "already_exists",
      message: expect.stringContaining(cluster.address) as string,
    });
    expect(other.tokens).toEqual([]);
  });

  test("again at another address of that control plane: it is tried, kept, and no token is used", async () => {
    const cluster = stack.use(await openLinkCluster({ tls: { host: "0.0.0.0" } }));
    const { identity } = await join1(cluster, cluster.invite());
    const at = (host: string) => join1({ address: `https://${host}:${cluster.port.port}` }, cluster.invite());
    // Its certificate is not for that one, and nobody listens on the next.
    await expect(at("127.0.0.2")).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(join1({ address: "https://127.0.0.1:1" }, cluster.invite())).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(await join1(cluster, cluster.invite())).toMatchObject({ outcome: "already_joined" });
    const moved = await at("localhost");
    expect(moved).toEqual({
      outcome: "moved",
      identity: { ...identity, address: `https://localhost:${cluster.port.port}` },
    });
    expect(await at("localhost")).toEqual({ outcome: "already_joined", identity: moved.identity });
    expect(cluster.tokens).toHaveLength(1);
  });

  test("a used, invented or garbled token is refused, and nothing is left behind", async () => {
    const cluster = await open();
    const token = cluster.invite();
    await join1(cluster, token);
    rmSync(join(dir, "state"), { recursive: true });
    const invented = token.replace(/_[^_]{43}$/, `_${"A".repeat(43)}`);
    for (const wrong of [token, invented]) {
      const refused = join1(cluster, wrong);
      await expect(refused).rejects.toMatchObject({
        code: "unauthenticated",
        hint: expect.stringContaining("ozctl host invite") as string,
      });
      await refused.catch((error: Error) =>
        expect(`${JSON.stringify(error)} ${error.stack}`).not.toContain(parseJoinToken(wrong).secret),
      );
    }
    await expect(join1(cluster, "ozj_nonsense")).rejects.toMatchObject({ code: "bad_request" });
    expect(readdirSync(join(dir, "state"))).toEqual([]);
  });

  test("twenty at once with one token: one joins", async () => {
    const cluster = await open();
    const token = cluster.invite();
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => join1(cluster, token, { stateDir: join(dir, `state${i}`) })),
    );
    expect(all.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    expect(readdirSync(dir).filter((name) => existsSync(join(dir, name, "identity.json")))).toHaveLength(1);
  });

  test("a full or closed state directory is said before the token is used up", async () => {
    const cluster = await open();
    const token = cluster.invite();
    // A file where a folder should be: also root cannot get past it.
    writeFileSync(join(dir, "state"), "");
    await expect(join1(cluster, token, { stateDir: join(dir, "state", "agent") })).rejects.toMatchObject({
      code: "precondition",
    });
    mkdirSync(join(dir, "other", "agent.key"), { recursive: true });
    await expect(join1(cluster, token, { stateDir: join(dir, "other") })).rejects.toMatchObject({
      code: "precondition",
    });
    expect(cluster.tokens).toEqual([]);
  });
});

describe("somebody in the middle", () => {
  /** Listens with an authority of its own and keeps every byte that anybody says once the handshake is done. */
  async function openEavesdropper(answer?: (cluster: tls.TLSSocket) => void) {
    const authority = await openAuthority({
      dir: join(dir, "fake"),
      clock: systemClock,
      names: { dns: ["localhost"], ips: ["127.0.0.1"] },
    });
    const heard: Buffer[] = [];
    const connections: Promise<unknown>[] = [];
    const server = tls.createServer(
      { key: authority.serverKeyPem, cert: authority.serverCertChainPem, minVersion: "TLSv1.3" },
      (socket) => {
        socket.on("error", () => {});
        socket.on("data", (bytes) => heard.push(bytes));
        answer?.(socket);
      },
    );
    server.on("tlsClientError", () => {});
    server.on("connection", (socket: net.Socket) => void connections.push(once(socket, "close")));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stack.defer(() => void server.close());
    const { port } = server.address() as { port: number };
    return { authority, connections, address: `https://127.0.0.1:${port}`, bytes: () => Buffer.concat(heard) };
  }

  test("never sees a byte of the token, nor anything else", async () => {
    const cluster = await open();
    const fake = await openEavesdropper();
    await expect(join1(fake, cluster.invite())).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("was not sent") as string,
    });
    await waitUntil("the connection was seen", () => fake.connections.length > 0);
    await Promise.all(fake.connections);
    expect(fake.bytes()).toHaveLength(0);
    expect(existsSync(join(dir, "state", "identity.json"))).toBe(false);
  });

  test("the same test hears the token when the authority is right, so it can hear", async () => {
    const fake = await openEavesdropper();
    const secret = "s".repeat(43);
    const token = `ozj_inv1_${Buffer.from(fake.authority.caSha256, "hex").toString("base64url")}_${secret}`;
    await expect(join1(fake, token, { timeoutMs: 500 })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("500 ms") as string,
    });
    expect(fake.bytes().toString()).toContain(secret);
  });

  test("showing the real authority's certificate beside its own does not help", async () => {
    const cluster = await open();
    const mine = await openAuthority({
      dir: join(dir, "mine"),
      clock: systemClock,
      names: { dns: [], ips: ["127.0.0.1"] },
    });
    const heard: Buffer[] = [];
    const server = tls.createServer(
      { key: mine.serverKeyPem, cert: mine.serverCertChainPem + cluster.authority.caPem },
      (socket) => {
        socket.on("error", () => {});
        socket.on("data", (bytes) => heard.push(bytes));
      },
    );
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stack.defer(() => void server.close());
    const { port } = server.address() as { port: number };
    await expect(join1({ address: `127.0.0.1:${port}` }, cluster.invite())).rejects.toThrow();
    expect(heard).toEqual([]);
  });

  test("NODE_TLS_REJECT_UNAUTHORIZED=0 shows the token to nobody", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const cluster = await open();
    const fake = await openEavesdropper();
    const body = create(EnrollRequestSchema, { token: cluster.invite() });
    const call = callEnroll(parseControlAddress(fake.address), cluster.authority.caPem, body, {
      ...{ timeoutMs: 2_000, signal: undefined },
    });
    await expect(call).rejects.toMatchObject({ message: expect.stringContaining("pin: ") as string });
    expect(fake.bytes()).toHaveLength(0);
    const link = stack.use(startAgent(fake, await cluster.identity("host1")).link);
    await waitUntil("the link failed", () => link.state().state === "backoff");
    expect(fake.bytes()).toHaveLength(0);
  });

  test("a server of the right authority under another name gets no token", async () => {
    const cluster = await open();
    await expect(join1({ address: `127.0.0.2:${cluster.port.port}` }, cluster.invite())).rejects.toMatchObject({
      code: "unavailable",
    });
    const wide = stack.use(await openLinkCluster({ tls: { host: "0.0.0.0" } }));
    await expect(join1({ address: `127.0.0.2:${wide.port.port}` }, wide.invite())).rejects.toMatchObject({
      code: "unauthenticated",
      hint: expect.stringContaining("address set") as string,
    });
    expect(wide.tokens).toEqual([]);
  });

  test("silence ends after the time, and cancelling ends it at once", async () => {
    const server = net.createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stack.defer(() => void server.close());
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const token = (await open()).invite();
    await expect(join1({ address }, token, { timeoutMs: 100 })).rejects.toMatchObject({ code: "unavailable" });
    await expect(join1({ address }, token, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: "cancelled",
    });
    await expect(join1({ address: "127.0.0.1:1" }, token)).rejects.toMatchObject({
      code: "unavailable",
      hint: expect.stringContaining("firewall") as string,
    });
  });
});

describe("renewing", () => {
  const dayMs = 86_400_000;
  test("makes a new key at two thirds of the life, and the link goes on with it", async () => {
    const cluster = await open();
    const stateDir = join(dir, "state");
    const { identity } = await join1(cluster, cluster.invite());
    const agent = startAgent(cluster, identity);
    stack.use(agent.link);
    await waitUntil("it is welcomed", () => agent.link.state().state === "ready");
    const clock = manualClock(Date.now() + 55 * dayMs);
    const renewed: string[] = [];
    const loop = startRenewal({
      ...{ identity, stateDir, clock, random: () => 0, log: quietLog },
      renew: (csrPem, signal) => agent.link.renewCertificate(csrPem, signal),
      onRenewed(next) {
        renewed.push(next.certPem);
        agent.link.setIdentity(next);
      },
    });
    stack.use(loop);
    await clock.advanceAsync(4 * dayMs);
    expect(renewed).toEqual([]);
    await clock.advanceAsync(dayMs);
    await waitUntil("it was renewed", () => renewed.length > 0);
    const now = await loadIdentity(stateDir);
    expect(now?.certPem).toBe(renewed[0]);
    expect(now?.keyPem).not.toBe(identity.keyPem);
    expect(new X509Certificate(now?.certPem ?? "").subjectAltName).toBe(
      new X509Certificate(identity.certPem).subjectAltName,
    );
    expect(readFileSync(join(stateDir, "ca.pem"), "utf8")).toBe(identity.caPem);
    await waitUntil(
      "the link is back with the new certificate",
      () => agent.link.state().state === "ready" && agent.reasons.includes("the certificate was renewed"),
    );
    expect(cluster.hub.host("host1")?.state).toBe("online");
  });

  test("a failure leaves the present pair, and is tried again", async () => {
    const cluster = await open();
    const { identity } = await join1(cluster, cluster.invite());
    const clock = manualClock(Date.now() + 55 * dayMs);
    let asked = 0;
    const loop = startRenewal({
      ...{ identity, stateDir: join(dir, "state"), clock, random: () => 0, log: quietLog, onRenewed: () => {} },
      async renew() {
        asked += 1;
        // A certificate for a key that is not ours.
        return {
          $typeName: "ozwald.v1.RenewCertificateResponse",
          certificatePem: identity.certPem,
          caPem: identity.caPem,
        };
      },
    });
    stack.use(loop);
    await clock.advanceAsync(5 * dayMs);
    expect(asked).toBeGreaterThan(3);
    expect(await loadIdentity(join(dir, "state"))).toEqual(identity);
  });
});
