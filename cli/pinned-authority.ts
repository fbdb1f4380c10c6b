// The authority of a control plane nobody here knows yet: taken from the chain it shows, and believed only when its key has the hash
// that a person was told. Nothing but the TLS handshake is sent.
import { createHash, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { OzError } from "#core/errors.ts";
import { parseAddress } from "./connect-json.ts";
import { connectionError } from "./connection-error.ts";
import { formatCaSha256 } from "./output/fingerprint.ts";

const longestChain = 8;

/** "9b:41:…" or "9b41…" to 64 small hex digits. Throws bad_request. */
export function parseCaSha256(written: string): string {
  const hex = written.trim().toLowerCase().replaceAll(":", "");
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  throw new OzError("bad_request", `--ca-sha256 ${written}: that is no SHA-256 of a key, which has 64 hex digits.`, {
    hint: "On the control plane's machine:  ozctl status -o wide",
  });
}

/** PEM of the authority with that key (SHA-256 of its SPKI, hex). Throws unauthenticated when the chain has none, and what connectionError gives. */
export async function fetchAuthority(address: string, caSha256: string, timeoutMs = 10_000): Promise<string> {
  const chain = issuers(await shownCertificate(address, timeoutMs));
  const authority = chain.find((one) => one.ca && publicKeySha256(one) === caSha256);
  if (authority !== undefined) return authority.toString();
  const shown = chain.findLast((one) => one.ca);
  const has = shown === undefined ? "shows no authority" : `shows ${formatCaSha256(publicKeySha256(shown))}`;
  throw new OzError(
    "unauthenticated",
    `${address} is not the control plane with the key ${formatCaSha256(caSha256)}: it ${has}. Nothing was sent.`,
    {
      hint: "Compare with  ozctl status -o wide  on its machine. If address and hash are right, somebody stands between the two machines.",
    },
  );
}

/** SHA-256 of the public key (SPKI) of a certificate, hex. */
export function publicKeySha256(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("hex");
}

function issuers(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one = leaf; one !== undefined && chain.length < longestChain; one = one.issuerCertificate) {
    const { fingerprint256 } = one;
    if (chain.some((seen) => seen.fingerprint256 === fingerprint256)) break;
    chain.push(one);
  }
  return chain;
}

function shownCertificate(address: string, timeoutMs: number): Promise<X509Certificate | undefined> {
  const url = parseAddress(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const socket = process.getBuiltinModule("node:tls").connect({
      host,
      port: Number(url.port || 443),
      minVersion: "TLSv1.3",
      ALPNProtocols: ["http/1.1"],
      // The chain is compared with the hash instead, and nothing is sent on this connection.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const end = (finish: () => void) => {
      clearTimeout(timer);
      finish();
      socket.destroy();
    };
    const fail = (error: unknown) =>
      end(() => reject(connectionError(error, address, performance.now() - began, { timeoutMs })));
    const timer = setTimeout(
      () => fail(Object.assign(new Error("no answer in time"), { code: "OZ_TIMEOUT" })),
      timeoutMs,
    );
    socket.once("secureConnect", () => end(() => resolve(socket.getPeerX509Certificate())));
    socket.on("error", fail);
  });
}
