// Why the control plane was not reached, told apart: name lookup, connection, TLS, or another authority than the one that is pinned. The
// fifth way, a refused token, is an answer and not a failure to reach.
import { connect } from "node:net";

export type ReachStage = "DNS" | "TCP" | "TLS" | "pin";

const patterns: readonly (readonly [ReachStage, RegExp])[] = [
  ["DNS", /\bENOTFOUND\b|\bEAI_[A-Z]+|getaddrinfo|Name resolution failed/],
  ["pin", /self-signed certificate|unable to (verify|get)( the| local)? .*(certificate|issuer)|SELF_SIGNED|UNABLE_TO_/],
  ["TLS", /SSL routines|secure TLS|altnames|\bEPROTO\b|ERR_SSL|ERR_TLS|certificate/i],
  ["TCP", /\bE(CONNREFUSED|HOSTUNREACH|NETUNREACH|TIMEDOUT|CONNRESET|PIPE|HOSTDOWN|ADDRNOTAVAIL)\b/],
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
      return `no connection (${said})`;
    case "TLS":
      if (/expired|not yet valid/.test(said)) return `${said}; compare the clocks of both machines (date)`;
      return /altnames/.test(said)
        ? `its certificate is for another address (${said}); on its machine: ozwald-controlplane address set with this one`
        : `what answers there does not speak TLS 1.3 as a control plane does (${said})`;
    case "pin":
      return `its certificate is not of the authority that this host trusts (${said})`;
  }
}

/** Without what gRPC and OpenSSL put around it. */
function core(said: string): string {
  const inner = /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(said)?.[1] ?? said;
  const openssl = /SSL routines:[^:]*:([^:]+):/.exec(inner)?.[1];
  return (openssl ?? inner).trim().replace(/\.$/, "");
}
