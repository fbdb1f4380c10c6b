// The authority of a control plane nobody here knows yet: taken from the chain it shows, and believed only when its key has the hash
// that a person was told. Nothing but the TLS handshake is sent.
import type { X509Certificate } from "node:crypto";
import { OzError } from "#core/errors.ts";
import { authorityOf, lookTls, publicKeySha256 } from "#core/tls-look.ts";
import { parseAddress } from "./connect-json.ts";
import { connectionError } from "./connection-error.ts";
import { formatCaSha256 } from "./output/fingerprint.ts";

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
  const { pinned, last } = authorityOf(await shownCertificate(address, timeoutMs), caSha256);
  if (pinned !== undefined) return pinned.toString();
  const has = last === undefined ? "shows no authority" : `shows ${formatCaSha256(publicKeySha256(last))}`;
  throw new OzError(
    "unauthenticated",
    `${address} is not the control plane with the key ${formatCaSha256(caSha256)}: it ${has}. Nothing was sent.`,
    {
      hint: "Compare with  ozctl status -o wide  on its machine. If address and hash are right, somebody stands between the two machines.",
    },
  );
}

async function shownCertificate(address: string, timeoutMs: number): Promise<X509Certificate | undefined> {
  const url = parseAddress(address);
  const began = performance.now();
  const target = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 443) };
  const look = await lookTls(target, { timeoutMs });
  if (look.outcome === "shown") return look.certificate;
  const error = look.outcome === "failed" ? look.error : Object.assign(new Error("no answer in time"), late);
  throw connectionError(error, address, performance.now() - began, { timeoutMs });
}

const late = { code: "OZ_TIMEOUT" };
