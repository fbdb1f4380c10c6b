// The authority: what survives a restart, what is renewed, what it signs, and that real TLS agrees.
import "reflect-metadata";
import { createHash, generateKeyPairSync, webcrypto, X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as tls from "node:tls";
import * as x509 from "@peculiar/x509";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../store/testing/stores.ts";
import { type Authority, agentIdentity, openAuthority } from "./authority.ts";

const dayMs = 86_400_000;
const start = Date.now();
const names = { dns: ["localhost", "box.example"], ips: ["127.0.0.1", "::1"] };
const at = (now: number) => ({ now: () => now, after: () => ({ cancel: () => {} }) });
const open = (dir: string, more: { now?: number; names?: typeof names } = {}) =>
  openAuthority({ dir, clock: at(more.now ?? start), names: more.names ?? names });

describe("the authority", () => {
  it("is made once, privately, and is the same ever after", async () => {
    using dir = temporaryDirectory();
    const pki = join(dir.path, "pki");
    const first = await open(pki);
    expect(statSync(pki).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(pki)) expect([name, statSync(join(pki, name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(readdirSync(pki).toSorted()).toEqual(["ca.crt", "ca.key", "identity.json", "server.crt", "server.key"]);
    const second = await open(pki, { now: start + dayMs });
    expect({ ...second }).toEqual({
      ...first,
      renewServer: expect.any(Function),
      rename: expect.any(Function),
      signAgent: expect.any(Function),
    });
    const ca = new X509Certificate(first.caPem);
    expect([ca.ca, ca.verify(ca.publicKey)]).toEqual([true, true]);
    expect(first.caSha256).toBe(
      createHash("sha256")
        .update(ca.publicKey.export({ type: "spki", format: "der" }))
        .digest("hex"),
    );
  });

  it("renews the server's certificate for other names or at two thirds of its life, never its key", async () => {
    using dir = temporaryDirectory();
    const first = await open(dir.path);
    const kept = await open(dir.path, { now: start + 59 * dayMs });
    expect(kept.serverCertChainPem).toBe(first.serverCertChainPem);
    const renewed = await open(dir.path, { now: start + 61 * dayMs });
    expect(renewed.serverCertChainPem).not.toBe(first.serverCertChainPem);
    const renamed = await open(dir.path, { now: start + 61 * dayMs, names: { dns: ["localhost"], ips: ["10.0.0.5"] } });
    expect(renamed.serverCertChainPem).not.toBe(renewed.serverCertChainPem);
    expect(new X509Certificate(renamed.serverCertChainPem).subjectAltName).toBe("DNS:localhost, IP Address:10.0.0.5");
    expect([renewed.serverPinSha256, renamed.serverPinSha256]).toEqual([first.serverPinSha256, first.serverPinSha256]);
    const leaf = new X509Certificate(renamed.serverCertChainPem);
    expect(renamed.serverPinSha256).toBe(
      createHash("sha256")
        .update(leaf.publicKey.export({ type: "spki", format: "der" }))
        .digest("base64"),
    );
  });

  it("renews while it runs", async () => {
    using dir = temporaryDirectory();
    let now = start;
    const authority = await openAuthority({ dir: dir.path, clock: { ...at(0), now: () => now }, names });
    const before = authority.serverCertChainPem;
    expect([await authority.renewServer(), authority.serverCertChainPem === before]).toEqual([false, true]);
    now += 61 * dayMs;
    expect([await authority.renewServer(), authority.serverCertChainPem === before]).toEqual([true, false]);
    expect(authority.serverCertEndsAt).toBeGreaterThan(now + 89 * dayMs);
  });

  it.each(["ca.crt", "server.crt", "server.key"])(
    "goes on after a start that was cut before %s was written",
    async (name) => {
      using dir = temporaryDirectory();
      const first = await open(dir.path);
      rmSync(join(dir.path, name));
      const second = await open(dir.path);
      expect([second.clusterId, second.caSha256]).toEqual([first.clusterId, first.caSha256]);
      expect(new X509Certificate(second.serverCertChainPem).verify(new X509Certificate(second.caPem).publicKey)).toBe(
        true,
      );
    },
  );

  it.each(["ca.key", "identity.json"])(
    "refuses to go on without %s, because every host would be cut off",
    async (name) => {
      using dir = temporaryDirectory();
      await open(dir.path);
      rmSync(join(dir.path, name));
      await expect(open(dir.path)).rejects.toMatchObject({
        code: "precondition",
        message: expect.stringContaining(name),
      });
      writeFileSync(join(dir.path, name), "{}");
      await expect(open(dir.path)).rejects.toMatchObject({
        code: "precondition",
        message: expect.stringContaining(name),
      });
    },
  );

  it("refuses a key of another authority", async () => {
    using dir = temporaryDirectory();
    await open(dir.path);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(join(dir.path, "ca.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
    await expect(open(dir.path)).rejects.toMatchObject({
      code: "precondition",
      message: expect.stringContaining("belong together"),
    });
  });

  it("tightens a directory that was left open", async () => {
    using dir = temporaryDirectory();
    const pki = join(dir.path, "pki");
    mkdirSync(pki, { mode: 0o755 });
    await open(pki);
    expect(statSync(pki).mode & 0o777).toBe(0o700);
  });
});

describe("a host's certificate", () => {
  it.each([
    ["P-256", { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }],
    ["P-384", { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" }],
    ["Ed25519", { name: "Ed25519" }],
  ])("names the host and the cluster, for a key of the kind %s", async (_kind, algorithm) => {
    using dir = temporaryDirectory();
    const authority = await open(dir.path);
    // What the request says about its subject counts for nothing.
    const csr = await request(algorithm, "CN=root, O=somebody");
    const certificate = new X509Certificate(await authority.signAgent(csr.pem, { hostId: "h1", name: "gpu-box.1" }));
    expect(certificate.subject).toBe("CN=gpu-box.1");
    expect(certificate.subjectAltName).toBe(`URI:spiffe://ozwald/${authority.clusterId}/host/h1`);
    expect(agentIdentity({ subjectaltname: certificate.subjectAltName })).toEqual({
      clusterId: authority.clusterId,
      hostId: "h1",
    });
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(certificate.ca).toBe(false);
    expect(Math.round((certificate.validFromDate.getTime() - start) / 60_000)).toBe(-60);
    expect(Math.round((certificate.validToDate.getTime() - start) / dayMs)).toBe(90);
    expect(certificate.verify(new X509Certificate(authority.caPem).publicKey)).toBe(true);
  });

  it("is refused for weak keys, forged requests and noise", async () => {
    using dir = temporaryDirectory();
    const authority = await open(dir.path);
    const sign = (pem: string) => authority.signAgent(pem, { hostId: "h1", name: "box" });
    const rsa = {
      name: "RSASSA-PKCS1-v1_5",
      hash: "SHA-256",
      publicExponent: new Uint8Array([1, 0, 1]),
      modulusLength: 2048,
    };
    await expect(sign((await request(rsa)).pem)).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("RSA"),
    });
    const curve = { name: "ECDSA", namedCurve: "P-521", hash: "SHA-512" };
    await expect(sign((await request(curve)).pem)).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("P-521"),
    });
    const good = await request({ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" });
    const der = Buffer.from(good.raw);
    der[der.length - 5] = (der.at(-5) ?? 0) ^ 1;
    const forged = x509.PemConverter.encode(der, "CERTIFICATE REQUEST");
    await expect(sign(forged)).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("not signed by the key"),
    });
    for (const noise of ["", "hello", good.pem.slice(0, 200), "x".repeat(20_000)])
      await expect(sign(noise)).rejects.toMatchObject({ code: "bad_request" });
    await expect(authority.signAgent(good.pem, { hostId: "h/1", name: "box" })).rejects.toMatchObject({
      code: "internal",
    });
    await expect(authority.signAgent(good.pem, { hostId: "h1", name: "box,O=x" })).rejects.toMatchObject({
      code: "internal",
    });
  });

  it.each([
    undefined,
    "",
    "DNS:host",
    "URI:spiffe://other/c/host/h",
    "URI:spiffe://ozwald/c/host/h, DNS:x",
    'URI:"spiffe://ozwald/c/host/h"',
    "URI:spiffe://ozwald/c/host/h/../g",
    "DNS:URI:spiffe://ozwald/c/host/h",
  ])("is not read from %j", (subjectaltname) => {
    expect(agentIdentity({ subjectaltname })).toBeUndefined();
    expect(agentIdentity(undefined)).toBeUndefined();
  });
});

describe("on a TLS 1.3 port", () => {
  it("server and host know each other, and the host sees the authority's key before it trusts it", async () => {
    using dir = temporaryDirectory();
    const authority = await open(dir.path);
    const csr = await request({ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" });
    const cert = await authority.signAgent(csr.pem, { hostId: "h1", name: "box" });
    await using server = await listen(authority);
    const agent = await connect({ port: server.port, ca: authority.caPem, key: csr.keyPem, cert });
    expect(agent.authorized).toBe(true);
    expect(await server.seen()).toEqual({
      authorized: true,
      identity: { clusterId: authority.clusterId, hostId: "h1" },
    });
    agent.destroy();
    const stranger = await connect({ port: server.port, rejectUnauthorized: false });
    const top = stranger.getPeerX509Certificate()?.issuerCertificate;
    expect(
      createHash("sha256")
        .update(top?.publicKey.export({ type: "spki", format: "der" }) ?? "")
        .digest("hex"),
    ).toBe(authority.caSha256);
    expect(await server.seen()).toEqual({ authorized: false, identity: undefined });
    stranger.destroy();
  });

  it("a host of another cluster is not let in", async () => {
    using dir = temporaryDirectory();
    const authority = await open(join(dir.path, "a"));
    const other = await open(join(dir.path, "b"));
    const csr = await request({ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" });
    await using server = await listen(authority);
    const cert = await other.signAgent(csr.pem, { hostId: "h1", name: "box" });
    const socket = await connect({ port: server.port, ca: authority.caPem, key: csr.keyPem, cert });
    expect((await server.seen()).authorized).toBe(false);
    socket.destroy();
  });
});

async function request(algorithm: object, name = "CN=x"): Promise<{ pem: string; raw: ArrayBuffer; keyPem: string }> {
  const keys = (await webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: algorithm as x509.Pkcs10CertificateRequestCreateParams["signingAlgorithm"],
  });
  const keyPem = x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { pem: csr.toString("pem"), raw: csr.rawData, keyPem };
}

async function listen(authority: Authority) {
  const sockets: tls.TLSSocket[] = [];
  const server = tls.createServer({
    key: authority.serverKeyPem,
    cert: authority.serverCertChainPem,
    ca: authority.caPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
  });
  let next = Promise.withResolvers<tls.TLSSocket>();
  server.on("secureConnection", (socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
    next.resolve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async seen() {
      const socket = await next.promise;
      next = Promise.withResolvers();
      return { authorized: socket.authorized, identity: agentIdentity(socket.getPeerCertificate()) };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function connect(options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: "127.0.0.1", servername: "localhost", ...options });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}
