// Compares a bearer token with the system key without telling by the time how much of it was right.
import { sameSecret } from "../auth/tokens.ts";

/** True when the header carries the key. Never true without a key. */
export function carriesKey(header: string | undefined, systemKey: string | undefined): boolean {
  const match = /^Bearer +(.+)$/i.exec(header ?? "");
  // Node reads header bytes as Latin-1; a key may be UTF-8.
  const sent = Buffer.from(match?.[1]?.trim() ?? "", "latin1").toString("utf8");
  return sameSecret(sent, (systemKey ?? "").trim());
}
