// Whether an address answers as this control plane, asked from its own machine. A machine behind a router may not reach its own outside
// address, so this is a warning and never a refusal.
import { lookup } from "node:dns/promises";
import { parseControlAddress } from "#core/control-address.ts";
import { lookTls } from "#core/tls-look.ts";

const timeoutMs = 4_000;

/** What was tried and what came of it; empty when it answers. Takes about timeoutMs at most; never throws. */
export async function unreachedBecause(address: string, caPem: string): Promise<string> {
  const { host, port } = parseControlAddress(address);
  const found = await lookup(host).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) return `DNS: no address was found for the name ${host} (${found.code ?? found.message})`;
  const at = found.address === host ? "" : `${host} is ${found.address}; `;
  const look = await lookTls({ host, port, caPem }, { timeoutMs });
  switch (look.outcome) {
    case "shown":
      if (look.untrusted !== "") return `${at}TLS: what answers is not this control plane (${look.untrusted})`;
      return look.otherName === "" ? "" : `${at}TLS: ${look.otherName}`;
    case "failed":
      return `${at}${look.stage}: ${look.error.message}`;
    case "late":
    case "aborted":
      return `${at}TCP: no answer within ${timeoutMs / 1000} s`;
  }
}
