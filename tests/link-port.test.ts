// The one TLS port and the local listeners, over real sockets.
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "#core/system-clock.ts";
import { quietLog } from "#core/log.ts";
import { EnrollmentService } from "#proto/hosts_pb.ts";
import { certificateRequest, newKeyPem } from "../agent/link/certificate-request.ts";
import { openAuthority } from "../controlplane/pki/authority.ts";
import type { ApiHandler } from "../controlplane/server/http-servers.ts";
import { listenLoopback } from "../controlplane/server/loopback.ts";
import { portHolder } from "../controlplane/server/port-holder.ts";
import { listenUnix } from "../controlplane/server/unix-socket.ts";
import { type LinkCluster, type LinkClusterOptions, openLinkCluster, startAgent } from "./support/link-cluster.ts";
import { waitUntil } from "./support/wait-until.ts";

let stack: AsyncDisposableStack;
beforeEach(() => (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

async function open(options?: LinkClusterOptions): Promise<LinkCluster> {
  return stack.use(await openLinkCluster(options));
}

const get = (url: string, options: https.RequestOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = (url.startsWith("https") ? https : http).get(
      url,
      { agent: false, timeout: 5_000, ...options },
      async (response) => {
        let text = `${response.statusCode} `;
        for await (const chunk of response) text += String(chunk);
        resolve(text.trim());
      },
    );
    request.once("error", reject);
  });

const closing = (socket: net.Socket) =>
  new Promise<number>((resolve) => {
    const began = performance.now();
    socket.on("error", () => {});
    socket.resume();
    socket.once("close", () => resolve(performance.now() - began));
  });

/** Handles both versions of HTTP alike. */
const echo: ApiHandler = (request, response) =>
  void (response as http.ServerResponse).end(`${request.httpVersion} ${request.url}`);

describe("the TLS port", () => {
  test("serves agents, Connect, gRPC, gRPC-Web and the fallback side by side", async () => {
    const cluster = await open();
    const agent = startAgent(cluster, await cluster.identity("h1"));
    stack.use(agent.link);
    const nodeOptions = { ca: cluster.authority.caPem };
    const transports = [
      createConnectTransport({ baseUrl: cluster.address, httpVersion: "1.1", useBinaryFormat: false, nodeOptions }),
      createConnectTransport({ baseUrl: cluster.address, httpVersion: "2", nodeOptions }),
      createGrpcTransport({ baseUrl: cluster.address, nodeOptions }),
      createGrpcWebTransport({ baseUrl: cluster.address, httpVersion: "1.1", nodeOptions }),
    ];
    for (const transport of transports) {
      const csrPem = certificateRequest(newKeyPem(), "h");
      const answer = await createClient(EnrollmentService, transport).enroll({
        token: cluster.invite(),
        csrPem,
        hostname: "h",
      });
      expect(answer.clusterId).toBe(cluster.authority.clusterId);
    }
    expect(await get(`${cluster.address}/nowhere`, { ca: cluster.authority.caPem })).toBe("404 nothing here");
    await waitUntil("the agent is welcomed", () => cluster.hub.host("h1")?.state === "online");
    expect(cluster.calls).toEqual(["enroll", "enroll", "enroll", "enroll", "fallback /nowhere"]);
  });

  test("sends the authority with its chain, and speaks nothing older than TLS 1.3", async () => {
    const cluster = await open();
    const socket = tls.connect({ host: "127.0.0.1", port: cluster.port.port, rejectUnauthorized: false });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    expect(socket.getProtocol()).toBe("TLSv1.3");
    expect(socket.getPeerX509Certificate()?.issuerCertificate?.ca).toBe(true);
    socket.destroy();
    const old = tls.connect({
      host: "127.0.0.1",
      port: cluster.port.port,
      rejectUnauthorized: false,
      maxVersion: "TLSv1.2",
    });
    const error = await new Promise<Error>((resolve) => old.once("error", resolve));
    expect(error.message).toContain("protocol version");
  });

  test("an agent's socket is not the API's, and a certificate alone opens nothing else", async () => {
    const cluster = await open();
    const { keyPem: key, certPem: cert } = await cluster.identity("h1");
    const client = http2.connect(cluster.address, { ca: cluster.authority.caPem, key, cert });
    const status = await new Promise((resolve) => {
      const request = client.request({ ":path": "/nowhere", ":method": "POST", "content-type": "application/grpc" });
      request.on("response", (headers) => resolve(headers["grpc-status"]));
      request.resume();
    });
    client.destroy();
    expect([status, cluster.calls]).toEqual(["12", []]);
    expect(await get(`${cluster.address}/x`, { ca: cluster.authority.caPem, key, cert })).toBe("404 nothing here");
  });

  test("a certificate that ends takes its stream with it", async () => {
    // The port's clock runs ahead, so that its certificate has less than a second left.
    let aheadMs = 0;
    const cluster = await open({ tls: { clock: { ...systemClock, now: () => systemClock.now() + aheadMs } } });
    const identity = await cluster.identity("h1");
    aheadMs = new X509Certificate(identity.certPem).validToDate.getTime() - Date.now() - 700;
    const agent = startAgent(cluster, identity);
    stack.use(agent.link);
    await waitUntil("the agent is welcomed", () => agent.link.state().state === "ready", 5_000, 5);
    await waitUntil("its stream is cut", () => agent.reasons.length > 0, 5_000, 5);
    await waitUntil(
      "it is a stranger now",
      () => agent.reasons.some((reason) => reason.includes("does not know this host")),
      5_000,
      5,
    );
  });

  test("new certificates are used for new connections, old connections stay", async () => {
    const cluster = await open();
    const agent = startAgent(cluster, await cluster.identity("h1"));
    stack.use(agent.link);
    await waitUntil("the agent is welcomed", () => cluster.hub.host("h1")?.state === "online");
    const fresh = await openAuthority({
      dir: join(cluster.dir, "pki2"),
      clock: systemClock,
      names: { dns: [], ips: ["127.0.0.1"] },
    });
    cluster.port.setAuthority(fresh);
    await expect(get(cluster.address, { ca: cluster.authority.caPem })).rejects.toThrow();
    expect(await get(cluster.address, { ca: fresh.caPem })).toBe("404 nothing here");
    // What was asked of connections before is asked of the new ones too.
    await expect(get(cluster.address, { ca: fresh.caPem, maxVersion: "TLSv1.2" })).rejects.toThrow();
    expect([agent.link.state().state, agent.reasons]).toEqual(["ready", []]);
  });

  test("slow and silent connections are ended: no handshake, no headers, half a header, no HTTP/2 request", async () => {
    const cluster = await open({ tls: { handshakeMs: 150, http: { headersMs: 200 } } });
    const at = { host: "127.0.0.1", port: cluster.port.port, rejectUnauthorized: false };
    const half = tls.connect({ ...at, ALPNProtocols: ["http/1.1"] }, () =>
      half.write("GET / HTTP/1.1\r\nhost: x\r\nx-slow: "),
    );
    const silent = [
      net.connect(at.port, at.host),
      tls.connect({ ...at, ALPNProtocols: ["http/1.1"] }),
      tls.connect({ ...at, ALPNProtocols: ["h2"] }),
      half,
    ];
    for (const ms of await Promise.all(silent.map(closing))) expect(ms).toBeLessThan(2_000);
  });

  test("one address cannot take all connections", async () => {
    const cluster = await open({ tls: { connectionsPerAddress: 3 } });
    const connect = () => net.connect(cluster.port.port, "127.0.0.1");
    const held = [connect(), connect(), connect()];
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    await closing(connect());
    expect(held.every((socket) => !socket.destroyed)).toBe(true);
    for (const socket of held) socket.destroy();
    await waitUntil(
      "a place is free again",
      async () => (await get(cluster.address, { ca: cluster.authority.caPem }).catch(() => "")) !== "",
      5_000,
      10,
    );
  });

  test("closing lets a running request end and refuses new ones", async () => {
    const asked = Promise.withResolvers<void>();
    const apiHandler: ApiHandler = (_request, response) => {
      asked.resolve();
      setTimeout(() => (response as http.ServerResponse).end("done"), 80);
    };
    const cluster = await open({ tls: { apiHandler } });
    const answer = get(cluster.address, { ca: cluster.authority.caPem });
    await asked.promise;
    const closed = cluster.port.close(5_000);
    await expect(get(cluster.address, { ca: cluster.authority.caPem })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(await answer).toBe("200 done");
    await closed;
  });

  test("closing does not wait for connections that ask for nothing", async () => {
    const cluster = await open();
    const kept = new https.Agent({ keepAlive: true });
    stack.defer(() => kept.destroy());
    const client = http2.connect(cluster.address, { ca: cluster.authority.caPem });
    await once(client, "connect");
    expect(await get(cluster.address, { ca: cluster.authority.caPem, agent: kept })).toBe("404 nothing here");
    expect(Object.keys(kept.freeSockets)).toHaveLength(1);
    const began = performance.now();
    await cluster.port.close(4_000);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  test("a taken port names who holds it", async () => {
    const cluster = await open();
    await expect(openLinkCluster({ tls: { port: cluster.port.port } })).rejects.toMatchObject({
      code: "port_taken",
      message: expect.stringMatching(
        new RegExp(`127.0.0.1:${cluster.port.port} is taken by .+ \\(pid ${process.pid}\\)`),
      ) as string,
    });
    expect(await portHolder(1)).toBeUndefined();
    await expect(openLinkCluster({ tls: { host: "203.0.113.1" } })).rejects.toMatchObject({ code: "bad_request" });
  });
});

describe("plain HTTP", () => {
  test("is served on loopback and nowhere else", async () => {
    const listener = await listenLoopback({
      port: 0,
      handler: (request, response) => void response.end(request.url),
      clock: systemClock,
    });
    stack.defer(() => listener.close(50));
    expect(await get(`http://127.0.0.1:${listener.port}/health`, {})).toBe("200 /health");
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "localhost"]) {
      await expect(listenLoopback({ host, port: 0, handler: () => {}, clock: systemClock })).rejects.toMatchObject({
        code: "bad_request",
      });
    }
    await expect(listenLoopback({ port: listener.port, handler: () => {}, clock: systemClock })).rejects.toMatchObject({
      code: "port_taken",
      hint: expect.stringContaining("--rest") as string,
    });
  });
});

describe("the Unix socket", () => {
  const folder = () => {
    const dir = mkdtempSync(join(tmpdir(), "ozwald-socket-"));
    stack.defer(() => rmSync(dir, { recursive: true, force: true }));
    return dir;
  };

  test("speaks HTTP/1.1 and HTTP/2, also when the first bytes come one by one, and is for its owner only", async () => {
    const path = join(folder(), "run", "ozwald.sock");
    const listener = await listenUnix({ path, handler: echo, clock: systemClock, log: quietLog });
    stack.defer(() => listener.close(50));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await get("http://localhost/one", { socketPath: path })).toBe("200 1.1 /one");
    const client = http2.connect("http://localhost", { createConnection: () => net.connect(path) });
    const request = client.request({ ":path": "/two" });
    let text = "";
    for await (const chunk of request) text += String(chunk);
    client.close();
    expect(text).toBe("2.0 /two");
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const raw = net.connect(path);
    for (const byte of preface) {
      raw.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    raw.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const [settings] = (await once(raw, "data")) as [Buffer];
    // A SETTINGS frame is how an HTTP/2 server begins.
    expect(settings[3]).toBe(4);
    raw.destroy();
    const post = net.connect(path);
    for (const byte of Buffer.from("POST /three HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
      post.write(Buffer.of(byte));
    let answer = "";
    for await (const chunk of post) answer += String(chunk);
    expect(answer).toContain("1.1 /three");
  });

  test("takes the place of a dead one, never of a live one or of a file", async () => {
    const dir = folder();
    const path = join(dir, "a.sock");
    const first = await listenUnix({ path, handler: echo, clock: systemClock, log: quietLog });
    await expect(listenUnix({ path, handler: echo, clock: systemClock, log: quietLog })).rejects.toMatchObject({
      code: "port_taken",
    });
    expect(await get("http://localhost/still", { socketPath: path })).toBe("200 1.1 /still");
    await first.close(50);
    const dead = join(dir, "dead.sock");
    spawnSync(process.execPath, [
      "-e",
      `require("net").createServer().listen(${JSON.stringify(dead)}, () => process.kill(process.pid, "SIGKILL"))`,
    ]);
    expect(statSync(dead).isSocket()).toBe(true);
    const second = await listenUnix({ path: dead, handler: echo, clock: systemClock, log: quietLog });
    expect(await get("http://localhost/back", { socketPath: dead })).toBe("200 1.1 /back");
    await second.close(50);
    const file = join(dir, "file");
    writeFileSync(file, "precious");
    await expect(listenUnix({ path: file, handler: echo, clock: systemClock, log: quietLog })).rejects.toMatchObject({
      code: "already_exists",
    });
    expect(statSync(file).size).toBe(8);
  });
});
