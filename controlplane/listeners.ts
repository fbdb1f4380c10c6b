// The doors: which callers come in where, and how each is known.
import { readFileSync } from "node:fs";
import { OzError, toOzError } from "#core/errors.ts";
import { createLinkServer } from "./agents/link-service.ts";
import type { ApiContext } from "./api/context.ts";
import { createRestBackend } from "./api/rest-bridge.ts";
import { createApiHandler } from "./api/router.ts";
import { bearerPrincipal } from "./auth/bearer.ts";
import type { Config, Secrets } from "./config.ts";
import type { ListenerChecks } from "./listener-checks.ts";
import type { Downloads } from "./install/downloads.ts";
import { withInstallPages } from "./install/install-pages.ts";
import { packaged } from "./install/packaged.ts";
import { agentIdentity } from "./pki/agent-identity.ts";
import { createRestHandler } from "./rest/rest-handler.ts";
import { listenLoopback } from "./server/loopback.ts";
import { listenTls, type TlsPort } from "./server/tls-port.ts";
import type { Listener } from "./server/unix-socket.ts";
import { hostById } from "./store/hosts.ts";

/** The TLS port. Throws port_taken naming the holder. */
export function openTlsPort(config: Config, context: ApiContext, downloads?: Downloads): Promise<TlsPort> {
  const { authority, clock } = context;
  const grpcServer = createLinkServer({
    intake: context.hub.intake,
    agentIdentity: ownAgent(authority.clusterId),
    renew: async (hostId, csrPem) => {
      const row = await context.store.read((read) => hostById(read, hostId));
      if (row === undefined || row.state === "removed")
        throw new OzError("permission_denied", "this host was removed from the cluster");
      return { certificatePem: await authority.signAgent(csrPem, { hostId, name: row.name }), caPem: authority.caPem };
    },
    clock,
    log: context.log,
  });
  return listenTls({
    ...config.listen,
    authority,
    agentIdentity: ownAgent(authority.clusterId),
    isRevoked: context.isRevoked,
    grpcServer,
    apiHandler: withInstallPages(createApiHandler(context, bearerPrincipal(context.store, clock)), {
      packaged: packaged(),
      downloads,
      address: context.advertised,
      pin: authority.serverPinSha256,
      log: context.log,
    }),
    clock,
    log: context.log,
  });
}

/** Certificates of another cluster are nobody's here. */
function ownAgent(clusterId: string) {
  return (certificate: { subjectaltname?: string | undefined }): { hostId: string } | undefined => {
    const identity = agentIdentity(certificate);
    return identity?.clusterId === clusterId ? { hostId: identity.hostId } : undefined;
  };
}

/** A port that is taken (8000 is vLLM's default) does not keep the rest from working: `status` says by whom, and what to do. */
export async function openRest(
  at: NonNullable<Config["rest"]>,
  context: ApiContext,
  secrets: Secrets,
  checks: ListenerChecks,
): Promise<Listener | undefined> {
  const name = `listener ${at.host}:${at.port}`;
  const handler = createRestHandler(createRestBackend(context, bootId()), {
    systemKey: secrets.systemKey,
    log: context.log,
  });
  try {
    const listener = await listenLoopback({ ...at, handler, clock: context.clock });
    checks.ok(
      name,
      secrets.systemKey === undefined
        ? "REST of the original; OZWALD_SYSTEM_KEY is not set, so all but /health is refused"
        : "REST of the original, this machine only",
    );
    return listener;
  } catch (thrown) {
    const error = toOzError(thrown);
    if (error.code !== "port_taken") throw error;
    context.log.warn({ err: error }, "no REST interface");
    checks.failed(
      name,
      error.message,
      "Choose another with --rest 127.0.0.1:PORT, or --rest off; then start the control plane again.",
    );
    return undefined;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
