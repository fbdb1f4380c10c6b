// The name in an agent's certificate, and how it is read back at the listener. Pure.

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
