// Compares a bearer token with the system key without telling by the time how much of it was right.
import { createHash, timingSafeEqual } from "node:crypto";

/** True when the header carries the key. Never true without a key. */
export function carriesKey(header: string | undefined, systemKey: string | undefined): boolean {
  const key = (systemKey ?? "").trim();
  if (key === "") return false;
  const match = /^Bearer +(.+)$/i.exec(header ?? "");
  // Node reads header bytes as Latin-1; a key may be UTF-8.
  const sent = Buffer.from(match?.[1]?.trim() ?? "", "latin1");
  return timingSafeEqual(digest(sent), digest(Buffer.from(key, "utf8")));
}

/** Equal lengths, whatever was sent. */
function digest(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
