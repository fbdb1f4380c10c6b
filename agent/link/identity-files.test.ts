// Files of the identity: all or nothing, through a crash at any point of a renewal; and the requests made for it.
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { certificateRequest, newKeyPem } from "./certificate-request.ts";
import { parseControlAddress } from "#core/control-address.ts";
import { type HostIdentity, loadIdentity, replaceKeyPair, saveIdentity } from "./identity-files.ts";
import { renewalTime } from "./renew.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Signs the key of a request with a throw-away authority. */
async function certify(csrPem: string, from = Date.now() - 1_000, lifeMs = 86_400_000): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(csrPem);
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    ...{
      serialNumber: "01",
      subject: request.subject,
      issuer: "CN=test",
      notBefore: new Date(from),
      notAfter: new Date(from + lifeMs),
    },
    ...{ publicKey: request.publicKey, signingKey: keys.privateKey, signingAlgorithm: algorithm },
  });
  return certificate.toString("pem");
}

async function identity(): Promise<HostIdentity> {
  const keyPem = newKeyPem();
  const certPem = await certify(certificateRequest(keyPem, "web-1"));
  return {
    hostId: "h1",
    name: "web-1",
    clusterId: "c1",
    address: "https://10.0.0.5:7443",
    addresses: ["https://control.lan:7443"],
    keyPem,
    certPem,
    caPem: certPem,
  };
}

describe("certificate request", () => {
  test.each(["web-1", "", "ä".repeat(64), "x".repeat(300)])(
    "is well formed and signed by its own key (%s)",
    async (name) => {
      const keyPem = newKeyPem();
      const request = new x509.Pkcs10CertificateRequest(certificateRequest(keyPem, name));
      expect(await request.verify()).toBe(true);
      expect(request.subjectName.getField("CN")).toEqual([name.slice(0, 64)]);
      expect(request.publicKey.algorithm).toMatchObject({ name: "ECDSA", namedCurve: "P-256" });
    },
  );

  test("is not signed when a byte is changed", async () => {
    const der = Buffer.from(new x509.Pkcs10CertificateRequest(certificateRequest(newKeyPem(), "web-1")).rawData);
    der[der.indexOf("web-1")] = 0x58;
    expect(await new x509.Pkcs10CertificateRequest(der).verify()).toBe(false);
  });
});

describe("identity files", () => {
  let dir = "";
  beforeEach(() => (dir = join(mkdtempSync(join(tmpdir(), "ozwald-identity-")), "state")));
  afterEach(() => rmSync(join(dir, ".."), { recursive: true, force: true }));

  test("come back as they were saved, readable by nobody else", async () => {
    expect(await loadIdentity(dir)).toBeUndefined();
    const saved = await identity();
    await saveIdentity(dir, saved);
    expect(await loadIdentity(dir)).toEqual(saved);
    for (const name of ["agent.key", "agent.pem", "ca.pem", "identity.json"])
      expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  test("a crash at any point of a renewal leaves a pair that fits", async () => {
    const before = await identity();
    const keyPem = newKeyPem();
    const certPem = await certify(certificateRequest(keyPem, "web-1"));
    const [old, next] = [join(dir, "agent.pem"), join(dir, "agent.pem.next")];
    await saveIdentity(dir, before);
    // After the first rename: the new certificate waits, the key is still the old one.
    writeFileSync(next, certPem);
    expect(await loadIdentity(dir)).toMatchObject({ keyPem: before.keyPem, certPem: before.certPem });
    // After the second: the key is new, the certificate still waits.
    writeFileSync(join(dir, "agent.key"), keyPem);
    expect(await loadIdentity(dir)).toMatchObject({ keyPem, certPem });
    expect([existsSync(next), readFileSync(old, "utf8")]).toEqual([false, certPem]);
    // And the whole of it.
    await replaceKeyPair(dir, before.keyPem, before.certPem);
    expect(await loadIdentity(dir)).toMatchObject({ keyPem: before.keyPem, certPem: before.certPem });
    expect(existsSync(next)).toBe(false);
  });

  test("a pair that does not fit is said to be damaged", async () => {
    await saveIdentity(dir, await identity());
    writeFileSync(join(dir, "agent.key"), newKeyPem());
    await expect(loadIdentity(dir)).rejects.toMatchObject({
      code: "precondition",
      hint: expect.stringContaining("ozctl host invite") as string,
    });
    await saveIdentity(dir, await identity());
    writeFileSync(join(dir, "identity.json"), "{}");
    await expect(loadIdentity(dir)).rejects.toMatchObject({ code: "precondition" });
  });
});

test("renewal is due at two thirds of the life, spread over a tenth of it", async () => {
  const from = 1_700_000_000_000;
  const pem = await certify(certificateRequest(newKeyPem(), "h"), from, 30_000_000);
  expect(new X509Certificate(pem).validFromDate.getTime()).toBe(from);
  expect([0, 0.5, 1].map((random) => renewalTime(pem, random) - from)).toEqual([20_000_000, 18_500_000, 17_000_000]);
});

describe("address of the control plane", () => {
  test.each([
    ["https://10.0.0.5:7443", "10.0.0.5", 7443, "https://10.0.0.5:7443"],
    ["gpu-box/", "gpu-box", 7443, "https://gpu-box:7443"],
    ["oz.example.com:1", "oz.example.com", 1, "https://oz.example.com:1"],
    ["[fd00::1]:7000", "fd00::1", 7000, "https://[fd00::1]:7000"],
  ])("%s", (written, host, port, text) => expect(parseControlAddress(written)).toEqual({ host, port, text }));
  test.each([
    "",
    "http://10.0.0.5",
    "https://a b",
    "10.0.0.5:0",
    "10.0.0.5:70000",
    "user@host",
    "fd00::1",
    "https://h/path",
  ])("refuses %j", (written) =>
    expect(() => parseControlAddress(written)).toThrow(expect.objectContaining({ code: "bad_request" }) as Error),
  );
});
