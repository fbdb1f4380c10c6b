// Joins this machine to a cluster. The token is sent only over a connection whose authority is the one it names.
import { X509Certificate } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { EnrollRequestSchema, type EnrollResponse } from "#proto/hosts_pb.ts";
import { OzError } from "#core/errors.ts";
import { parseJoinToken } from "#core/join-token.ts";
import { authorityOf, lookTls, publicKeySha256, type TlsLook } from "#core/tls-look.ts";
import { certificateRequest, newKeyPem } from "./certificate-request.ts";
import { type ControlAddress, parseControlAddress } from "#core/control-address.ts";
import { callEnroll, otherName, unreachable } from "./enroll-call.ts";
import {
  certificateFits,
  discardKey,
  type HostIdentity,
  loadIdentity,
  saveAddresses,
  saveIdentity,
  saveKey,
} from "./identity-files.ts";
import { cutStage } from "./reach-trouble.ts";

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

/** moved: it had joined, at another address of that control plane, and dials this one from its next start on. */
export type Enrolled = { readonly outcome: "joined" | "already_joined" | "moved"; readonly identity: HostIdentity };

/**
 * Joins, or finds that this machine has joined that cluster before (then the token is not used).
 * Then another address than before is kept, if that cluster answers there.
 * Throws bad_request (token, address), unavailable, unauthenticated (token refused, or the wrong server), already_exists (other cluster).
 */
export async function enroll(options: EnrollOptions): Promise<Enrolled> {
  const address = parseControlAddress(options.address);
  const { caSha256 } = parseJoinToken(options.token);
  const present = await loadIdentity(options.stateDir);
  if (present !== undefined) {
    requireSameCluster(present, caSha256, options.stateDir);
    if (present.address === address.text) return { outcome: "already_joined", identity: present };
    return { outcome: "moved", identity: await keepAddress(present, address, options) };
  }
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
    addresses: [],
    keyPem,
    certPem: answer.certificatePem,
    caPem,
  };
  await saveIdentity(options.stateDir, identity);
  return { outcome: "joined", identity };
}

/** A host whose control plane moved while it was off. */
async function keepAddress(
  identity: HostIdentity,
  address: ControlAddress,
  options: EnrollOptions,
): Promise<HostIdentity> {
  const { caPem } = identity;
  const caSha256 = publicKeySha256(new X509Certificate(caPem));
  await fetchAuthority(address, caSha256, options);
  const { timeoutMs = defaultMs, signal } = options;
  const look = requireShown(await lookTls({ ...address, caPem }, { timeoutMs, signal }), address, timeoutMs);
  if (look.untrusted !== "") throw unreachable(address.text, look.untrusted);
  if (look.otherName !== "") throw otherName(address.text);
  const moved = { ...identity, address: address.text };
  await saveAddresses(options.stateDir, moved);
  return moved;
}

function requireSameCluster(identity: HostIdentity, caSha256: string, stateDir: string): void {
  if (publicKeySha256(new X509Certificate(identity.caPem)) === caSha256) return;
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
  const authority = authorityOf(await shownCertificate(address, options), caSha256).pinned;
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

async function shownCertificate(
  address: ControlAddress,
  { timeoutMs = defaultMs, signal }: EnrollOptions,
): Promise<X509Certificate | undefined> {
  const { host, port } = address;
  return requireShown(await lookTls({ host, port }, { timeoutMs, signal }), address, timeoutMs).certificate;
}

function requireShown(
  look: TlsLook,
  { text }: ControlAddress,
  timeoutMs: number,
): Extract<TlsLook, { outcome: "shown" }> {
  switch (look.outcome) {
    case "shown":
      return look;
    case "aborted":
      throw new OzError("cancelled", "joining was cancelled");
    case "late":
      throw unreachable(text, `no answer within ${timeoutMs} ms`, undefined, look.stage);
    case "failed":
      throw unreachable(text, look.error.message, look.error, cutStage(look));
  }
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
