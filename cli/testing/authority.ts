// A certificate authority for tests.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export type KeyPair = { key: string; cert: string };

/** An authority with a server certificate for 127.0.0.1; issue() makes more of them. ended: those of the servers are a second past it. */
export async function makeAuthority({ ended = false } = {}): Promise<
  KeyPair & { caPem: string; issue(ip: string): Promise<KeyPair> }
> {
  const { subtle } = webcrypto;
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const span = {
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
  };
  const keys = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...span,
    serialNumber: "01",
    name: "CN=test",
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const issue = async (ip: string): Promise<KeyPair> => {
    const pair = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const extensions = [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: ip }])];
    const cert = await x509.X509CertificateGenerator.create({
      ...span,
      ...(ended && { notAfter: new Date(Date.now() - 1_000) }),
      serialNumber: "02",
      subject: "CN=server",
      issuer: ca.subject,
      publicKey: pair.publicKey,
      signingKey: keys.privateKey,
      extensions,
    });
    const key = Buffer.from(await subtle.exportKey("pkcs8", pair.privateKey)).toString("base64");
    return { cert: cert.toString("pem"), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
  };
  return { ...(await issue("127.0.0.1")), caPem: ca.toString("pem"), issue };
}
