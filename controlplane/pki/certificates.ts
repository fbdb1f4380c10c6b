// Makes and reads certificates: the authority's own, the server's, the agents'. Touches no file and no clock. Loaded only to sign:
// the library with its schemas takes some MiB.
import "reflect-metadata";
import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { OzError } from "#core/errors.ts";
import { isName } from "#core/names.ts";
import { agentUri } from "./agent-identity.ts";
import type { Signer } from "./signer.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Clocks of hosts may be behind by this much. */
const backdateMs = hourMs;
/** Renewed at two thirds (agent/link/renew.ts): a host, or the whole cluster over the holidays, may be off for a month without joining again. */
export const agentLifeMs = 90 * dayMs;
export const serverLifeMs = 90 * dayMs;
const authorityLifeMs = 20 * 365 * dayMs;
/** A request for a P-384 key is below 1 KiB. */
const maxRequestLength = 16_384;

const signing = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";

export type Names = { readonly dns: readonly string[]; readonly ips: readonly string[] };

/** The authority's own certificate, 20 years. */
export async function makeAuthorityCertificate(keyPem: string, clusterId: string, now: number): Promise<string> {
  const keys = await keyPair(keyPem);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(now, authorityLifeMs),
    serialNumber: newSerial(),
    name: [{ CN: [`Ozwald cluster ${clusterId}`] }],
    keys,
    signingAlgorithm: signing,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pemOf(certificate);
}

/** A server certificate for these names, 90 days. */
export async function makeServerCertificate(
  signer: Signer,
  keyPem: string,
  names: Names,
  now: number,
): Promise<string> {
  const { publicKey } = await keyPair(keyPem);
  const alternatives: x509.JsonGeneralNames = [
    ...names.dns.map((value) => ({ type: "dns" as const, value })),
    ...names.ips.map((value) => ({ type: "ip" as const, value })),
  ];
  return issue(signer, {
    publicKey,
    name: "Ozwald control plane",
    alternatives,
    usage: serverAuth,
    lifeMs: serverLifeMs,
    now,
  });
}

export type AgentSubject = { readonly clusterId: string; readonly hostId: string; readonly name: string };

/** An agent's certificate, 90 days. Of the request only its key is used. Throws bad_request when that is not good enough. */
export async function makeAgentCertificate(
  signer: Signer,
  csrPem: string,
  subject: AgentSubject,
  now: number,
): Promise<string> {
  if (!/^[0-9a-z]{1,40}$/.test(subject.hostId) || !isName(subject.name)) {
    throw new OzError("internal", `a certificate cannot name the host ${JSON.stringify(subject)}`);
  }
  const publicKey = await requestedKey(csrPem);
  const alternatives: x509.JsonGeneralNames = [{ type: "url", value: agentUri(subject.clusterId, subject.hostId) }];
  return issue(signer, { publicKey, name: subject.name, alternatives, usage: clientAuth, lifeMs: agentLifeMs, now });
}

async function requestedKey(csrPem: string): Promise<x509.PublicKey> {
  if (csrPem.length > maxRequestLength) throw refusedRequest(`is longer than ${maxRequestLength} characters`);
  let request: x509.Pkcs10CertificateRequest;
  let signed: boolean;
  try {
    request = new x509.Pkcs10CertificateRequest(csrPem);
    signed = await request.verify();
  } catch (cause) {
    throw refusedRequest("cannot be read", cause);
  }
  const algorithm = request.publicKey.algorithm as { name: string; namedCurve?: string };
  const good =
    algorithm.name === "Ed25519" ||
    (algorithm.name === "ECDSA" && ["P-256", "P-384"].includes(algorithm.namedCurve ?? ""));
  if (!good)
    throw refusedRequest(
      `has a key of the kind ${algorithm.namedCurve ?? algorithm.name}; P-256, P-384 and Ed25519 are taken`,
    );
  if (!signed) throw refusedRequest("is not signed by the key it holds");
  return request.publicKey;
}

function refusedRequest(why: string, cause?: unknown): OzError {
  return new OzError("bad_request", `the certificate request ${why}`, {
    hint: "Join with ozwald-agent; it makes the request.",
    cause,
  });
}

type Issue = {
  publicKey: x509.PublicKeyType;
  name: string;
  alternatives: x509.JsonGeneralNames;
  usage: string;
  lifeMs: number;
  now: number;
};

async function issue(
  { keyPem, certificatePem }: Signer,
  { publicKey, name, alternatives, usage, lifeMs, now }: Issue,
): Promise<string> {
  const authority = new x509.X509Certificate(certificatePem);
  const { privateKey: key } = await keyPair(keyPem);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(now, lifeMs),
    serialNumber: newSerial(),
    subject: [{ CN: [name] }],
    issuer: authority.subjectName,
    publicKey,
    signingKey: key,
    signingAlgorithm: signing,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      new x509.SubjectAlternativeNameExtension(alternatives),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return pemOf(certificate);
}

async function keyPair(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const privateKey = createPrivateKey(keyPem);
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { subtle } = webcrypto;
  return {
    privateKey: await subtle.importKey("pkcs8", privateKey.export({ type: "pkcs8", format: "der" }), algorithm, false, [
      "sign",
    ]),
    publicKey: await subtle.importKey(
      "spki",
      createPublicKey(privateKey).export({ type: "spki", format: "der" }),
      algorithm,
      true,
      ["verify"],
    ),
  };
}

function validity(now: number, lifeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifeMs) };
}

/** 127 random bits, positive, never beginning with zero. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}
