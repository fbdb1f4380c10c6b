// The cluster's own certificate authority, in a directory that outlives the database: who the cluster is, what its agents trust, and
// the server key that printed install lines pin.
import { randomBytes, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { randomId } from "#core/ids.ts";
import { privateDirectory, writeDurably } from "../store/durable-file.ts";
import type { Names } from "./certificates.ts";
import { checkedSigner, newKeyPem, publicKeySha256, type Signer } from "./signer.ts";

export { agentIdentity, type AgentIdentity } from "./agent-identity.ts";

export type Authority = {
  readonly clusterId: string;
  readonly caPem: string;
  /** SHA-256 of the authority's public key (SPKI), hex; join tokens carry it. */
  readonly caSha256: string;
  /** SHA-256 of the server's public key (SPKI), base64; what curl calls --pinnedpubkey sha256//…. Outlives renewals. */
  readonly serverPinSha256: string;
  readonly serverKeyPem: string;
  /** The server's certificate and the authority's, as tls wants them. Changes when renewServer says so. */
  readonly serverCertChainPem: string;
  /** End of the server's certificate, milliseconds since 1970. */
  readonly serverCertEndsAt: number;
  /**
   * Renews the server's certificate at two thirds of its life. Returns true when it did: give the chain to the listener
   * (tls.Server.setSecureContext). Call it about once an hour.
   */
  renewServer(): Promise<boolean>;
  /** Makes the server's certificate one for these names, with the same key. True when it was not: give the chain to the listener. */
  rename(names: Names): Promise<boolean>;
  /** Certificate for a host, 90 days, back-dated an hour. Throws bad_request when the request or its key is not good enough. */
  signAgent(csrPem: string, host: { hostId: string; name: string }): Promise<string>;
};

export type OpenAuthorityOptions = {
  /** Made with mode 0700 when missing. Not inside what is deleted with the database. */
  dir: string;
  clock: Clock;
  /** What the server is called by those who connect to it. */
  names: Names;
};

/** Opens or makes the authority. Throws precondition when a part is missing that cannot be made again without cutting off every host. */
export async function openAuthority({ dir, clock, ...options }: OpenAuthorityOptions): Promise<Authority> {
  privateDirectory(dir);
  chmodSync(dir, 0o700);
  const clusterId = openIdentity(dir, clock);
  const signer = await openSigner(dir, clusterId, clock);
  const caPem = read(dir, "ca.crt");
  const serverKeyPem = openServerKey(dir);
  let { names } = options;
  let serverPem = await openServerCertificate({ dir, signer, serverKeyPem, names, clock });
  let renewing: Promise<unknown> = Promise.resolve();

  /** One after the other: the last names win. */
  function renewServer(): Promise<boolean> {
    const mine = renewing.then(async () => {
      const before = serverPem;
      serverPem = await openServerCertificate({ dir, signer, serverKeyPem, names, clock });
      return serverPem !== before;
    });
    renewing = mine.catch(() => {});
    return mine;
  }
  return {
    clusterId,
    caPem,
    caSha256: publicKeySha256(caPem, "hex"),
    serverPinSha256: publicKeySha256(serverKeyPem, "base64"),
    serverKeyPem,
    get serverCertChainPem() {
      return serverPem + caPem;
    },
    get serverCertEndsAt() {
      return new X509Certificate(serverPem).validToDate.getTime();
    },
    renewServer,
    rename(next) {
      names = next;
      return renewServer();
    },
    async signAgent(csrPem, { hostId, name }) {
      const { makeAgentCertificate } = await import("./certificates.ts");
      return makeAgentCertificate(signer, csrPem, { clusterId, hostId, name }, clock.now());
    },
  };
}

function openIdentity(dir: string, clock: Clock): string {
  const path = join(dir, "identity.json");
  if (existsSync(path)) {
    const clusterId: unknown = parseIdentity(read(dir, "identity.json"));
    if (typeof clusterId === "string" && /^[0-9a-z]{1,40}$/.test(clusterId)) return clusterId;
    throw missing(path, "does not say who the cluster is");
  }
  if (existsSync(join(dir, "ca.crt"))) throw missing(path, "is missing, although the cluster's authority is there");
  const clusterId = randomId(randomBytes, 16);
  writeDurably(path, `${JSON.stringify({ clusterId, createdAt: new Date(clock.now()).toISOString() })}\n`);
  return clusterId;
}

function parseIdentity(text: string): unknown {
  try {
    return (JSON.parse(text) as { clusterId?: unknown } | null)?.clusterId;
  } catch {
    return undefined;
  }
}

/** The key is written before the certificate: a start that was cut between the two goes on with the same key. */
async function openSigner(dir: string, clusterId: string, clock: Clock): Promise<Signer> {
  const hasKey = existsSync(join(dir, "ca.key"));
  const hasCertificate = existsSync(join(dir, "ca.crt"));
  if (!hasKey && hasCertificate)
    throw missing(join(dir, "ca.key"), "is missing, although the cluster's authority is there");
  if (!hasKey) writeDurably(join(dir, "ca.key"), newKeyPem());
  chmodSync(join(dir, "ca.key"), 0o600);
  if (!hasCertificate) {
    const { makeAuthorityCertificate } = await import("./certificates.ts");
    writeDurably(join(dir, "ca.crt"), await makeAuthorityCertificate(read(dir, "ca.key"), clusterId, clock.now()));
  }
  try {
    return checkedSigner(read(dir, "ca.key"), read(dir, "ca.crt"));
  } catch (error) {
    throw missing(join(dir, "ca.key"), `cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function missing(path: string, what: string): OzError {
  return new OzError("precondition", `${path} ${what}`, {
    hint: "Restore the folder from a backup. Starting with an empty one makes a new cluster, and every host has to join again.",
  });
}

function openServerKey(dir: string): string {
  const path = join(dir, "server.key");
  if (!existsSync(path)) {
    rmSync(join(dir, "server.crt"), { force: true }); // it is for a key that is gone
    writeDurably(path, newKeyPem());
  }
  chmodSync(path, 0o600);
  return read(dir, "server.key");
}

type ServerOptions = { dir: string; signer: Signer; serverKeyPem: string; names: Names; clock: Clock };

/** The certificate in the directory while it is good, else a new one for the same key. */
async function openServerCertificate({ dir, signer, serverKeyPem, names, clock }: ServerOptions): Promise<string> {
  const path = join(dir, "server.crt");
  const present = existsSync(path) ? read(dir, "server.crt") : undefined;
  if (present !== undefined && isGood(present, signer, serverKeyPem, names, clock.now())) return present;
  const { makeServerCertificate } = await import("./certificates.ts");
  const made = await makeServerCertificate(signer, serverKeyPem, names, clock.now());
  writeDurably(path, made);
  return made;
}

function isGood(pem: string, signer: Signer, serverKeyPem: string, names: Names, now: number): boolean {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    return false;
  }
  const from = certificate.validFromDate.getTime();
  const renewAt = from + ((certificate.validToDate.getTime() - from) * 2) / 3;
  const authority = new X509Certificate(signer.certificatePem);
  const sameKey = publicKeySha256(pem, "hex") === publicKeySha256(serverKeyPem, "hex");
  return (
    now >= from && now < renewAt && sameKey && certificate.verify(authority.publicKey) && holds(certificate, names)
  );
}

/** Whether a certificate is for exactly these names. */
function holds(certificate: X509Certificate, names: Names): boolean {
  const count = certificate.subjectAltName?.split(", ").length ?? 0;
  const each = names.dns.every(
    (name) => certificate.checkHost(name, { subject: "never", wildcards: false }) !== undefined,
  );
  return (
    each &&
    names.ips.every((ip) => certificate.checkIP(ip) !== undefined) &&
    count === names.dns.length + names.ips.length
  );
}

function read(dir: string, name: string): string {
  return readFileSync(join(dir, name), "utf8");
}
