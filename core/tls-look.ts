// One TLS handshake with something that may be a control plane, and what it shows. Nothing is sent on the connection. Joining, logging in,
// doctor and the two ends of an address that changes all look this way.
import { createHash, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { PeerCertificate } from "node:tls";

export type TlsTarget = {
  readonly host: string;
  readonly port: number;
  /** The only authority that is trusted, PEM; without one the machine's own are. */
  readonly caPem?: string | undefined;
};

export type TlsLook =
  | {
      readonly outcome: "shown";
      /** With issuerCertificate up to the authority; undefined when none was sent. */
      readonly certificate: X509Certificate | undefined;
      readonly legacy: PeerCertificate;
      /** Why the chain is not trusted, such as CERT_HAS_EXPIRED; empty when it is. */
      readonly untrusted: string;
      /** Why it is not for this host; empty when it is. */
      readonly otherName: string;
    }
  /** Where it ended. TLS: the connection was taken. */
  | { readonly outcome: "failed"; readonly stage: "TCP" | "TLS"; readonly error: Error & { code?: string } }
  | { readonly outcome: "late"; readonly stage: "TCP" | "TLS" }
  | { readonly outcome: "aborted" };

/** Connects, shakes hands (TLS 1.3) and hangs up. Never throws; takes timeoutMs at most. */
export function lookTls(
  target: TlsTarget,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<TlsLook> {
  const { host, port, caPem } = target;
  // Not imported: most runs of a command line never need it.
  const tls = process.getBuiltinModule("node:tls");
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve({ outcome: "aborted" });
    let stage: "TCP" | "TLS" = "TCP";
    const socket = tls.connect({
      ...{ host, port, minVersion: "TLSv1.3", ALPNProtocols: ["http/1.1"] },
      // Chain and name are judged by who asked.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(isIP(host) === 0 && { servername: host }),
      ...(caPem !== undefined && { ca: caPem }),
    });
    const end = (look: TlsLook) => {
      signal?.removeEventListener("abort", aborted);
      clearTimeout(timer);
      resolve(look);
      socket.destroy();
    };
    const aborted = () => end({ outcome: "aborted" });
    const timer = setTimeout(() => end({ outcome: "late", stage }), timeoutMs);
    signal?.addEventListener("abort", aborted, { once: true });
    socket.once("connect", () => (stage = "TLS"));
    socket.on("error", (error) => end({ outcome: "failed", stage, error: firstOf(error) }));
    socket.once("secureConnect", () => {
      const legacy = socket.getPeerCertificate();
      end({
        outcome: "shown",
        certificate: socket.getPeerX509Certificate(),
        legacy,
        untrusted: socket.authorized ? "" : String(socket.authorizationError),
        otherName: tls.checkServerIdentity(host, legacy)?.message ?? "",
      });
    });
  });
}

/** The authority in a chain whose public key has that hash (SHA-256 of its SPKI, hex), and the last authority of the chain. */
export function authorityOf(
  certificate: X509Certificate | undefined,
  caSha256: string,
): { readonly pinned: X509Certificate | undefined; readonly last: X509Certificate | undefined } {
  const authorities = chainOf(certificate).filter((one) => one.ca);
  return { pinned: authorities.find((one) => publicKeySha256(one) === caSha256), last: authorities.at(-1) };
}

/** SHA-256 of the public key (SPKI) of a certificate, hex. */
export function publicKeySha256(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("hex");
}

const longestChain = 8;

function chainOf(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one = leaf; one !== undefined && chain.length < longestChain; one = one.issuerCertificate) {
    const { fingerprint256 } = one;
    if (chain.some((seen) => seen.fingerprint256 === fingerprint256)) break;
    chain.push(one);
  }
  return chain;
}

/** A name with several addresses fails with several errors; the first one tells as much as all. */
function firstOf(error: Error & { code?: string; errors?: readonly Error[] }): Error & { code?: string } {
  return error.errors?.[0] ?? error;
}
