// One connection to the control plane, told apart by how it fails: name lookup, connection, TLS, authority.
import { isIP } from "node:net";
import type { PeerCertificate } from "node:tls";
import { OzError } from "#core/errors.ts";
import { lookTls } from "#core/tls-look.ts";
import { parseAddress } from "../connect-json.ts";
import type { Stage } from "./facts.ts";

export type Shown = {
  readonly certificate: PeerCertificate;
  /** Why the chain is not trusted; empty when it is. */ readonly untrusted: string;
  /** Why it is not for the address; empty when it is. */ readonly otherName: string;
};
export type ProbeResult =
  | { readonly shown: Shown }
  | { readonly stage: Stage; readonly message: string; readonly code: string };

const timeoutMs = 8_000;
const logInAgain = "log in again with the line of:  ozctl token create NAME  (on its machine)";

/** Looks the name up, connects, and shakes hands; nothing is sent. The certificate is not judged here, only what TLS says of its chain. */
export async function probeTls(address: string, caPem: string | undefined): Promise<ProbeResult> {
  const url = parseAddress(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const lookup = await lookUp(host);
  if (lookup !== undefined) return lookup;
  const look = await lookTls({ host, port: Number(url.port || 443), caPem }, { timeoutMs });
  switch (look.outcome) {
    case "shown":
      return { shown: { certificate: look.legacy, untrusted: look.untrusted, otherName: look.otherName } };
    case "failed":
      return { stage: look.stage === "TLS" ? "tls" : "tcp", message: look.error.message, code: look.error.code ?? "" };
    case "late":
      return {
        ...{ stage: look.stage === "TLS" ? "tls" : "tcp", code: "ETIMEDOUT" },
        message: `no answer within ${timeoutMs / 1000} s`,
      };
    case "aborted":
      throw new OzError("cancelled", "ended before the answer came");
  }
}

async function lookUp(host: string): Promise<Exclude<ProbeResult, { shown: Shown }> | undefined> {
  if (isIP(host) !== 0) return undefined;
  const dns = process.getBuiltinModule("node:dns/promises");
  try {
    await dns.lookup(host);
    return undefined;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    return { stage: "dns", message: `no address was found for the name ${host} (${code})`, code };
  }
}

/** What to try, by stage. */
export function stageHint(stage: Stage, address: string): string {
  switch (stage) {
    case "dns":
      return "Is the name right?  getent hosts NAME. Its addresses, on its machine:  ozwald-controlplane address show";
    case "tcp":
      return "Is the control plane up?  there: systemctl status ozwald-controlplane. Does a firewall let this machine through?";
    case "tls":
      return `Is ${address} a control plane, and nothing between that opens TLS?  openssl s_client -connect HOST:PORT`;
    case "authority":
      return `Was the control plane set up anew? Then ${logInAgain}. If not, something else answers there.`;
    case "token":
      return `Was the token revoked, or has it ended? Then ${logInAgain}.`;
  }
}

/** The stage of what a call threw after the connection itself was fine. */
export function stageOfCall(error: unknown): Stage {
  if (!(error instanceof OzError)) return "tls";
  return error.code === "unauthenticated" || error.code === "permission_denied" ? "token" : "tls";
}
