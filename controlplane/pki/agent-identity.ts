// The name in an agent's certificate, and how it is read back at the listener. Pure.
import { isName } from "#core/names.ts";

/** spiffe://ozwald/<cluster>/host/<host>: the one subject alternative name of an agent. */
export function agentUri(clusterId: string, hostId: string): string {
  return `spiffe://ozwald/${clusterId}/host/${hostId}`;
}

export type AgentIdentity = { readonly clusterId: string; readonly hostId: string };

/**
 * Who a verified client certificate says it is: what tls.TLSSocket.getPeerCertificate() returns goes in. Undefined unless it has exactly
 * the one name that we give to agents. Verify the chain first (socket.authorized) and compare the cluster; this only reads.
 */
export function agentIdentity(
  certificate: { subjectaltname?: string | undefined } | undefined,
): AgentIdentity | undefined {
  const [, clusterId, hostId] =
    /^URI:spiffe:\/\/ozwald\/([0-9a-z]{1,40})\/host\/([0-9a-z]{1,40})$/.exec(certificate?.subjectaltname ?? "") ?? [];
  return clusterId === undefined || hostId === undefined ? undefined : { clusterId, hostId };
}

/** Name of the host when its certificate was signed; undefined when it names none that a host can have. The chain is verified before. */
export function certifiedName(certificate: { subject?: { CN?: string | string[] } } | undefined): string | undefined {
  const name = certificate?.subject?.CN;
  return typeof name === "string" && isName(name) ? name : undefined;
}
