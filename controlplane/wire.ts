// Builds every object of the control plane once, in order, and takes them down in reverse.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import type { RandomBytes } from "#core/ids.ts";
import type { Log } from "#core/log.ts";
import { OzError, toOzError } from "#core/errors.ts";
import { startLoop } from "#core/reconcile.ts";
import { systemClock } from "#core/system-clock.ts";
import { version } from "#core/version.ts";
import { formatAddress, reachableAs } from "./advertise.ts";
import { createAdmission } from "./agents/admission.ts";
import { createHub } from "./agents/hub.ts";
import { createLinkServer } from "./agents/link-service.ts";
import { createChangeSignal } from "./api/change-signal.ts";
import type { ApiContext } from "./api/context.ts";
import { createRestBackend } from "./api/rest-bridge.ts";
import { createApiHandler } from "./api/router.ts";
import { bearerPrincipal } from "./auth/bearer.ts";
import { localRoot } from "./auth/principal.ts";
import { createChanger } from "./change/change.ts";
import type { Config, Secrets } from "./config.ts";
import { createListenerChecks, type ListenerChecks } from "./listener-checks.ts";
import { configDir, ensureLocalContext } from "./local-context.ts";
import { agentIdentity } from "./pki/agent-identity.ts";
import { type Authority, openAuthority } from "./pki/authority.ts";
import { startLoops } from "./reconcile/loops.ts";
import { createRestHandler } from "./rest/rest-handler.ts";
import { listenLoopback } from "./server/loopback.ts";
import { listenTls, type TlsPort } from "./server/tls-port.ts";
import { type Listener, listenUnix } from "./server/unix-socket.ts";
import { hostById, listHosts, removedHostIds } from "./store/hosts.ts";
import { loadSqliteAddon } from "./store/native-addon.ts";
import { openStore } from "./store/open-store.ts";
import type { Store } from "./store/store.ts";
import { createWorldReader } from "./world.ts";

export type ControlPlane = AsyncDisposable & {
  /** Rejects when it can no longer work, such as when the disk failed under the store. */
  readonly failed: Promise<never>;
  /** Printed address: "https://10.0.0.5:7443". */
  readonly address: string;
};

const clock = systemClock;
const closeMs = 2_000;
const certificateCheckMs = 6 * 3_600_000;
const random: RandomBytes = (size) => randomBytes(size);

/** Starts everything; resolves when every listener that can listen does. Throws what `openStore`, `openAuthority` and `listenTls` throw. */
export async function startControlPlane(
  config: Config,
  secrets: Secrets,
  env: NodeJS.ProcessEnv,
): Promise<ControlPlane> {
  await using undo = new AsyncDisposableStack();
  const log: Log = pino(
    { level: config.logLevel, base: { program: "controlplane" } },
    pino.destination({ fd: 1, sync: true }),
  );
  const fatal = Promise.withResolvers<never>();
  fatal.promise.catch(() => {});
  const store = undo.use(await openStateStore(config, log, fatal.reject));
  const reachable = reachableAs(config);
  const authority = await openAuthority({
    dir: join(config.stateDir, "pki"),
    clock,
    names: { dns: reachable.dns, ips: reachable.ips },
  });
  const admission = createAdmission(store, authority.clusterId, clock);
  const known = (await store.read(listHosts)).map((row) => ({
    hostId: row.id,
    lastHeardAt: row.last_heard_at,
    address: row.address,
    agentVersion: row.agent_version,
    bootId: row.last_boot_id,
  }));
  const hub = undo.use(createHub({ clock, log, random, admit: admission.admit, known }));
  const revoked = new Set(await store.read(removedHostIds));
  const port: { current?: TlsPort } = {};
  const world = createWorldReader(store);
  const signal = createChangeSignal(clock);
  const checks = createListenerChecks();
  let address = formatAddress(reachable.printed, config.listen.port);
  const context: ApiContext = {
    store,
    hub,
    authority,
    signal,
    clock,
    random,
    log,
    world,
    changer: createChanger({ store, world, live: () => hub.hosts(), clock, random, strategy: config.strategy }),
    advertised: () => address,
    checks: () => checks.list(),
    obeyedEpoch: admission.obeyedEpoch,
    revoke(hostId) {
      revoked.add(hostId);
      hub.forget(hostId);
      port.current?.cut(hostId);
    },
    startedAt: clock.now(),
  };
  undo.use(
    startLoops({ store, hub, world, clock, random, strategy: config.strategy, log, onChange: () => signal.raise() }),
  );
  const tls = undo.adopt(await openTlsPort(config, context, authority, revoked), (opened) => opened.close(closeMs));
  port.current = tls;
  undo.use(
    startLoop({
      name: "server certificate",
      periodMs: certificateCheckMs,
      clock,
      log,
      run: async () => void ((await authority.renewServer()) && tls.setAuthority(authority)),
    }),
  );
  address = formatAddress(reachable.printed, tls.port);
  checks.ok(`listener ${config.listen.host}:${tls.port}`, "TLS, for ozctl, agents and clients");
  undo.adopt(
    await listenUnix({ path: config.socket, handler: createApiHandler(context, () => localRoot), clock, log }),
    (socket) => socket.close(closeMs),
  );
  checks.ok(`socket ${config.socket}`, "for the local root");
  if (config.rest !== undefined)
    undo.adopt(await openRest(config.rest, context, secrets, checks), (rest) => rest?.close(closeMs));
  const localAddress = formatAddress("127.0.0.1", tls.port);
  const contextPath = await ensureLocalContext({
    store,
    clock,
    random,
    dir: configDir(env),
    address: loopbackReachable(config) ? localAddress : address,
    caPem: authority.caPem,
  });
  log.info({ version, address, context: contextPath, cluster: authority.clusterId }, "ready");
  const running = undo.move();
  return { failed: fatal.promise, address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function openStateStore(config: Config, log: Log, fail: (error: OzError) => void): Promise<Store> {
  const addon = loadSqliteAddon(join(config.stateDir, "lib"));
  return openStore({
    dir: config.stateDir,
    clock,
    random,
    log,
    ...(addon === undefined ? {} : { nativeBinding: addon }),
    onFatal(error) {
      log.error({ err: error }, "the disk failed under the store; stopping, so that a start can recover");
      fail(error);
    },
  });
}

function openTlsPort(
  config: Config,
  context: ApiContext,
  authority: Authority,
  revoked: ReadonlySet<string>,
): Promise<TlsPort> {
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
    isRevoked: (hostId) => revoked.has(hostId),
    grpcServer,
    apiHandler: createApiHandler(context, bearerPrincipal(context.store, clock)),
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
async function openRest(
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
    const listener = await listenLoopback({ ...at, handler, clock });
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

function loopbackReachable(config: Config): boolean {
  return ["", "0.0.0.0", "::", "127.0.0.1", "localhost"].includes(config.listen.host);
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
