// A control plane reduced to its link: a real authority, one real TLS port, a hub, and invitations kept in memory.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { startLink, type AgentLink, type LinkOptions } from "../../agent/link/session.ts";
import { certificateRequest, newKeyPem } from "../../agent/link/certificate-request.ts";
import type { LinkIdentity } from "../../agent/link/transport.ts";
import { formatJoinToken } from "#core/join-token.ts";
import { quietLog } from "#core/log.ts";
import type { Clock } from "#core/clock.ts";
import { systemClock } from "#core/system-clock.ts";
import { type Assignment, AssignmentResultSchema, HelloSchema } from "#proto/agent_pb.ts";
import { type Observed, ObservedSchema } from "#proto/replicas_pb.ts";
import { EnrollmentService } from "#proto/hosts_pb.ts";
import { type AgentHub, createHub, type HubOptions } from "../../controlplane/agents/hub.ts";
import { createLinkServer, type LinkServerOptions } from "../../controlplane/agents/link-service.ts";
import { agentIdentity, type Authority, openAuthority } from "../../controlplane/pki/authority.ts";
import type { ApiHandler } from "../../controlplane/server/http-servers.ts";
import { listenTls, type TlsPort, type TlsPortOptions } from "../../controlplane/server/tls-port.ts";

export type LinkCluster = {
  readonly authority: Authority;
  readonly hub: AgentHub;
  readonly port: TlsPort;
  readonly address: string;
  readonly revoked: Set<string>;
  readonly dir: string;
  /** Requests that reached the API. */
  readonly calls: string[];
  /** Tokens that Enroll was sent. */
  readonly tokens: string[];
  identity(hostId: string): Promise<LinkIdentity>;
  invite(): string;
  [Symbol.asyncDispose](): Promise<void>;
};

export type LinkClusterOptions = {
  /** Of the authority that makes the certificates. Default: the right time. */
  clock?: Clock;
  hub?: Partial<HubOptions>;
  link?: Partial<LinkServerOptions>;
  tls?: Partial<TlsPortOptions>;
};

export async function openLinkCluster(options: LinkClusterOptions = {}): Promise<LinkCluster> {
  const dir = mkdtempSync(join(tmpdir(), "ozwald-link-"));
  const authority = await openAuthority({
    dir: join(dir, "pki"),
    clock: options.clock ?? systemClock,
    names: { dns: ["localhost"], ips: ["127.0.0.1"] },
  });
  const { clusterId } = authority;
  const hub = createHub({
    ...{
      clock: systemClock,
      log: quietLog,
      random: randomBytes,
      timings: { heartbeatMs: 200, suspectMs: 600, offlineMs: 1_800, graceMs: 0 },
    },
    admit: async () => ({
      admitted: true,
      clusterId,
      clusterEpoch: 1,
      incarnation: "i1",
      historyContainsObeyed: true,
      obeys: true,
      problem: "",
    }),
    ...options.hub,
  });
  const revoked = new Set<string>();
  const grpcServer = createLinkServer({
    ...{ intake: hub.intake, agentIdentity, clock: systemClock, log: quietLog },
    renew: async (hostId, csrPem) => ({
      certificatePem: await authority.signAgent(csrPem, { hostId, name: hostId }),
      caPem: authority.caPem,
    }),
    ...options.link,
  });
  const invitations = new Set<string>();
  const calls: string[] = [];
  const tokens: string[] = [];
  const port = await listenTls({
    ...{ host: "127.0.0.1", port: 0, authority, agentIdentity, grpcServer, clock: systemClock, log: quietLog },
    isRevoked: (hostId) => revoked.has(hostId),
    apiHandler: apiHandler(authority, invitations, calls, tokens),
    ...options.tls,
  }).catch(async (error: unknown) => {
    await hub[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
    throw error;
  });
  let made = 0;
  return {
    ...{ authority, hub, port, revoked, dir, calls, tokens, address: `https://127.0.0.1:${port.port}` },
    async identity(hostId) {
      const keyPem = newKeyPem();
      const certPem = await authority.signAgent(certificateRequest(keyPem, hostId), { hostId, name: hostId });
      return { hostId, keyPem, certPem, caPem: authority.caPem };
    },
    invite() {
      const token = formatJoinToken({
        id: `inv${(made += 1)}`,
        caSha256: authority.caSha256,
        secret: randomBytes(32).toString("base64url"),
      });
      invitations.add(token);
      return token;
    },
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await port.close(100);
      grpcServer.forceShutdown();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function apiHandler(authority: Authority, invitations: Set<string>, calls: string[], tokens: string[]): ApiHandler {
  let hosts = 0;
  return connectNodeAdapter({
    routes: (router) =>
      router.service(EnrollmentService, {
        async enroll({ token, csrPem, hostname }) {
          calls.push("enroll");
          tokens.push(token);
          if (!invitations.delete(token))
            throw new ConnectError("the join token is wrong, used or too old", Code.Unauthenticated);
          const hostId = `host${(hosts += 1)}`;
          const certificatePem = await authority.signAgent(csrPem, { hostId, name: hostname });
          return { hostId, name: hostname, certificatePem, caPem: authority.caPem, clusterId: authority.clusterId };
        },
      }),
    fallback: (request, response) => {
      calls.push(`fallback ${request.url ?? ""}`);
      response.statusCode = 404;
      response.end("nothing here\n");
    },
  }) as ApiHandler;
}

export type TestAgent = {
  link: AgentLink;
  assignments: Assignment[];
  closed: string[];
  reasons: string[];
  /** Changes what is on this host, and reports it. */
  change(changed: readonly string[], gone?: readonly string[]): void;
};

/** An agent with nothing behind its link; what it was told is kept. */
export function startAgent(
  cluster: Pick<LinkCluster, "address">,
  identity: LinkIdentity,
  options: Partial<LinkOptions> & { boot?: string; nonce?: string } = {},
): TestAgent {
  const { boot = "boot-a", nonce = "n1", ...rest } = options;
  const agent = { assignments: [] as Assignment[], closed: [] as string[], reasons: [] as string[] };
  const onHost = new Map<string, Observed>();
  const link = startLink({
    ...{
      identity,
      addresses: () => [cluster.address],
      clock: systemClock,
      random: Math.random,
      log: quietLog,
      coalesceMs: 10,
    },
    hello: async () =>
      create(HelloSchema, {
        hostId: identity.hostId,
        bootId: boot,
        processNonce: nonce,
        agentVersion: "test",
        observed: [...onHost.values()],
      }),
    onWelcome: () => {},
    async onAssignment(assignment) {
      agent.assignments.push(assignment);
      return create(AssignmentResultSchema, { revision: assignment.revision, accepted: true });
    },
    onOpenChannel: async () => {},
    onClosed: (reason) => agent.closed.push(reason),
    onState: (state) => void (state.state === "backoff" && agent.reasons.push(state.reason)),
    ...rest,
  });
  return {
    ...agent,
    link,
    change(changed, gone = []) {
      const seen = changed.map((replicaId) => create(ObservedSchema, { replicaId }));
      for (const one of seen) onHost.set(one.replicaId, one);
      for (const id of gone) onHost.delete(id);
      link.report(seen, gone);
    },
  };
}
