// Why the control plane was not reached, told apart: name lookup, connection, TLS, or another authority than the one that is pinned. The
// fifth way, a refused token, is an answer and not a failure to reach.
import { connect } from "node:net";

export type ReachStage = "DNS" | "TCP" | "TLS" | "pin";

const patterns: readonly (readonly [ReachStage, RegExp])[] = [
  ["DNS", /\bENOTFOUND\b|\bEAI_[A-Z]+|getaddrinfo|Name resolution failed/],
  ["pin", /self-signed certificate|unable to (verify|get)( the| local)? .*(certificate|issuer)|SELF_SIGNED|UNABLE_TO_/],
  ["pin", /certificate signature failure|CERT_SIGNATURE_FAILURE/],
  ["TLS", /SSL routines|secure TLS|altnames|\bEPROTO\b|ERR_SSL|ERR_TLS|\bCERT_|certificate/i],
  [
    "TCP",
    /\bE(CONNREFUSED|HOSTUNREACH|NETUNREACH|TIMEDOUT|CONNRESET|CONNABORTED|PIPE|HOSTDOWN|NETDOWN|ADDRNOTAVAIL)\b/,
  ],
  // Also what a firewall of this machine forbids: EPERM and EACCES.
  ["TCP", /\bconnect E[A-Z]+\b/],
];

/** Reads the words of Node's sockets and of gRPC around them. Undefined when they say something else. */
export function reachStage(said: string): ReachStage | undefined {
  return patterns.find(([, pattern]) => pattern.test(said))?.[0];
}

/** The stage of a handshake that failed when its words tell none: once the connection stands, a reset is somebody who does not like it. */
export function cutStage({ stage, error }: { stage: "TCP" | "TLS"; error: Error }): ReachStage | undefined {
  return stage === "TLS" && reachStage(error.message) !== "TLS" ? stage : undefined;
}

/** "DNS: no address was found for the name …". Words that are of no stage stay as they are. */
export function reachWords(said: string): string {
  const stage = reachStage(said);
  return stage === undefined ? said : `${stage}: ${sentence(stage, core(said))}`;
}

/** What to try. */
export function reachHint(stage: ReachStage | undefined): string {
  switch (stage) {
    case "DNS":
      return "Is the name right (getent hosts NAME)? The address of the machine works too.";
    case "TLS":
      return "Is it the control plane's port (7443 unless it was changed), and does nothing on the way open TLS?";
    case "pin":
      return "Check the address. If it is right, somebody may stand between the two machines, or the control plane was set up anew: ozctl host invite";
    case "TCP":
    case undefined:
      return "Is it running, and does a firewall let this machine through to that port?";
  }
}

/** After a silence: whether the port takes a connection at all. Waits timeoutMs at most; never throws. */
export function silenceWords(host: string, port: number, silentMs: number, timeoutMs = 2_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (words: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(words);
    };
    const unanswered = `TCP: no answer within ${silentMs} ms; the machine is off, or a firewall drops what is sent`;
    const timer = setTimeout(() => end(unanswered), timeoutMs);
    socket.once("connect", () =>
      end(`TLS: the connection was taken, and the control plane said nothing for ${silentMs} ms`),
    );
    socket.once("error", (error) => end(reachWords(error.message)));
  });
}

function sentence(stage: ReachStage, said: string): string {
  switch (stage) {
    case "DNS":
      return `no address was found for its name (${said})`;
    case "TCP":
      return /\b(EPERM|EACCES)\b/.test(said)
        ? `no connection (${said}); a firewall of this machine forbids it`
        : `no connection (${said})`;
    case "TLS":
      return tlsSentence(said);
    case "pin":
      return `its certificate is not of the authority that this host trusts (${said})`;
  }
}

function tlsSentence(said: string): string {
  if (/expired/i.test(said)) return "certificate has expired; compare the clocks of both machines (date)";
  if (/not yet valid|NOT_YET_VALID/.test(said))
    return "certificate is not yet valid; compare the clocks of both machines (date)";
  if (/altnames/.test(said))
    return `its certificate is for another address (${said}); on its machine: ozwald-controlplane address set with this one`;
  // What OpenSSL thinks of a certificate, and not of what was sent.
  if (/\bCERT_|^[^:]*certificate[^:]*$/i.test(said)) return `its certificate is not good (${said})`;
  return `what answers there does not speak TLS 1.3 as a control plane does (${said})`;
}

/** Without what gRPC and OpenSSL put around it. */
function core(said: string): string {
  const inner = /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(said)?.[1] ?? said;
  const openssl = /SSL routines:[^:]*:([^:]+):/.exec(inner)?.[1];
  return (openssl ?? inner).trim().replace(/\.$/, "");
}
