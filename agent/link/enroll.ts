// Joins this machine to a cluster. The token is sent only over a connection whose authority is the one it names.
import { createHash, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import tls from "node:tls";
import { create } from "@bufbuild/protobuf";
import { EnrollRequestSchema, type EnrollResponse } from "#proto/hosts_pb.ts";
import { OzError } from "#core/errors.ts";
import { parseJoinToken } from "#core/join-token.ts";
import { certificateRequest, newKeyPem } from "./certificate-request.ts";
import { type ControlAddress, parseControlAddress } from "./control-address.ts";
import { callEnroll, unreachable } from "./enroll-call.ts";
import {
  certificateFits,
  discardKey,
  type HostIdentity,
  loadIdentity,
  saveIdentity,
  saveKey,
} from "./identity-files.ts";
import { reachStage } from "./reach-trouble.ts";

export type EnrollOptions = {
  /** Control plane, "https://10.0.0.5:7443". */
  readonly address: string;
  readonly token: string;
  /** Name this machine gives itself; the invitation may name another. */
  readonly hostname: string;
  readonly stateDir: string;
  /** For each of the connections. Default 15,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

const defaultMs = 15_000;

export type Enrolled = { readonly outcome: "joined" | "already_joined"; readonly identity: HostIdentity };

/**
 * Joins, or finds that this machine has joined that cluster before (then the token is not used).
 * Throws bad_request (token, address), unavailable, unauthenticated (token refused, or the wrong server), already_exists (other cluster).
 */
export async function enroll(options: EnrollOptions): Promise<Enrolled> {
  const address = parseControlAddress(options.address);
  const { caSha256 } = parseJoinToken(options.token);
  const present = await loadIdentity(options.stateDir);
  if (present !== undefined) return alreadyJoined(present, caSha256, options.stateDir);
  const caPem = await fetchAuthority(address, caSha256, options);
  const keyPem = newKeyPem();
  const { token, hostname, timeoutMs = defaultMs, signal } = options;
  const request = create(EnrollRequestSchema, {
    token: token.trim(),
    csrPem: certificateRequest(keyPem, hostname),
    hostname,
  });
  await saveKey(options.stateDir, keyPem);
  let answer: EnrollResponse;
  try {
    answer = await callEnroll(address, caPem, request, { timeoutMs, signal });
  } catch (error) {
    await discardKey(options.stateDir);
    throw error;
  }
  checkAnswer(answer, keyPem, caSha256, address);
  const identity: HostIdentity = {
    hostId: answer.hostId,
    name: answer.name,
    clusterId: answer.clusterId,
    address: address.text,
    keyPem,
    certPem: answer.certificatePem,
    caPem,
  };
  await saveIdentity(options.stateDir, identity);
  return { outcome: "joined", identity };
}

function alreadyJoined(identity: HostIdentity, caSha256: string, stateDir: string): Enrolled {
  if (publicKeySha256(new X509Certificate(identity.caPem)) === caSha256) return { outcome: "already_joined", identity };
  throw new OzError(
    "already_exists",
    `this machine is host ${identity.name} of another cluster, at ${identity.address}`,
    {
      hint: `To leave that one: stop the agent, move ${stateDir} away, and join again. Its containers keep running until somebody removes them.`,
    },
  );
}

/** Certificate of the authority, taken from the chain that the server shows and compared with the token. Nothing is sent. */
async function fetchAuthority(address: ControlAddress, caSha256: string, options: EnrollOptions): Promise<string> {
  const leaf = await shownCertificate(address, options);
  const chain: X509Certificate[] = [];
  for (
    let one: X509Certificate | undefined = leaf;
    one !== undefined && chain.length < 8;
    one = one.issuerCertificate
  ) {
    if (chain.some((seen) => seen.fingerprint256 === one?.fingerprint256)) break;
    chain.push(one);
  }
  const authority = chain.find((one) => one.ca && publicKeySha256(one) === caSha256);
  if (authority === undefined) {
    throw new OzError(
      "unauthenticated",
      `${address.text} is not the control plane that made this token (pin): its certificate ends elsewhere. The token was not sent`,
      {
        hint: "Check the address. If it is right, somebody may stand between the two machines; or the token is of another cluster: ozctl host invite",
      },
    );
  }
  return authority.toString();
}

function shownCertificate(
  { host, port, text }: ControlAddress,
  options: EnrollOptions,
): Promise<X509Certificate | undefined> {
  const { timeoutMs = defaultMs, signal } = options;
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      ...{ host, port, minVersion: "TLSv1.3", ALPNProtocols: ["http/1.1"], rejectUnauthorized: false },
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const end = (finish: () => void) => {
      signal?.removeEventListener("abort", aborted);
      clearTimeout(timer);
      finish();
      socket.destroy();
    };
    const aborted = () => end(() => reject(new OzError("cancelled", "joining was cancelled")));
    let stage: "TCP" | "TLS" = "TCP";
    const late = () => reject(unreachable(text, `no answer within ${timeoutMs} ms`, undefined, stage));
    const timer = setTimeout(() => end(late), timeoutMs);
    socket.once("connect", () => (stage = "TLS"));
    signal?.addEventListener("abort", aborted, { once: true });
    if (signal?.aborted) aborted();
    socket.once("secureConnect", () => end(() => resolve(socket.getPeerX509Certificate())));
    socket.once("error", (error) => {
      // Once the connection stands, a reset is somebody who does not like the handshake.
      const cut = stage === "TLS" && reachStage(error.message) !== "TLS" ? stage : undefined;
      end(() => reject(unreachable(text, error.message, error, cut)));
    });
  });
}

function checkAnswer(answer: EnrollResponse, keyPem: string, caSha256: string, { text }: ControlAddress): void {
  const whole = [answer.hostId, answer.clusterId, answer.name, answer.certificatePem, answer.caPem].every(
    (part) => part !== "",
  );
  if (
    whole &&
    certificateFits(keyPem, answer.certificatePem) &&
    publicKeySha256(new X509Certificate(answer.caPem)) === caSha256
  )
    return;
  throw new OzError(
    "internal",
    `${text} answered with a certificate that does not fit this host's key or the authority of the token`,
  );
}

/** SHA-256 of the public key (SPKI) of a certificate, hex. */
function publicKeySha256(certificate: X509Certificate): string {
  return createHash("sha256")
    .update(certificate.publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}
