// Builds every object of the control plane once, in order, and takes them down in reverse.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { pino } from "pino";
import type { Timer } from "#core/clock.ts";
import type { RandomBytes } from "#core/ids.ts";
import type { Log } from "#core/log.ts";
import type { OzError } from "#core/errors.ts";
import { startLoop } from "#core/reconcile.ts";
import { systemClock } from "#core/system-clock.ts";
import { version } from "#core/version.ts";
import { type AddressBook, openAddressBook } from "./address/address-book.ts";
import { formatAddress } from "./advertise.ts";
import { createAdmission } from "./agents/admission.ts";
import type { KnownHost } from "./agents/host-record.ts";
import { type AgentHub, createHub } from "./agents/hub.ts";
import { createChangeSignal } from "./api/change-signal.ts";
import type { ApiContext } from "./api/context.ts";
import { createApiHandler } from "./api/router.ts";
import { createLiveCalls } from "./auth/live-calls.ts";
import { localRoot } from "./auth/principal.ts";
import { createChanger } from "./change/change.ts";
import type { Config, Secrets } from "./config.ts";
import { createListenerChecks, type ListenerChecks } from "./listener-checks.ts";
import { createDownloads, type Downloads } from "./install/downloads.ts";
import { packaged } from "./install/packaged.ts";
import { openRest, openTlsPort } from "./listeners.ts";
import { configDir, ensureLocalContext } from "./local-context.ts";
import { type Authority, openAuthority } from "./pki/authority.ts";
import { startLoops } from "./reconcile/loops.ts";
import type { TlsPort } from "./server/tls-port.ts";
import { listenUnix } from "./server/unix-socket.ts";
import { listHosts, removedHostIds } from "./store/hosts.ts";
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
const saveMs = 200;
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
  const { listen, advertise } = config;
  const pki = join(config.stateDir, "pki");
  const addresses = openAddressBook({ pkiDir: pki, listen, advertise, clock });
  const authority = await openAuthority({ dir: pki, clock, names: addresses.names() });
  const checks = createListenerChecks();
  const doors: Doors = { tls: undefined };
  const downloads = openDownloads(config, log, undo);
  const context = await createContext({ config, log, store, authority, addresses, checks, doors, downloads }, undo);
  const tls = undo.adopt(await openTlsPort(config, context, downloads), (port) => port.close(closeMs));
  doors.tls = tls;
  addresses.listening(tls.port);
  checks.ok(`listener ${listen.host}:${tls.port}`, "TLS, for ozctl, agents and clients");
  undo.use(keepCertificateFresh(authority, tls, log));
  const local = createApiHandler(context, () => localRoot);
  undo.adopt(await listenUnix({ path: config.socket, handler: local, clock, log }), (door) => door.close(closeMs));
  checks.ok(`socket ${config.socket}`, "for the local root");
  if (config.rest !== undefined)
    undo.adopt(await openRest(config.rest, context, secrets, checks), (door) => door?.close(closeMs));
  const contextPath = await ensureLocalContext({
    store,
    clock,
    random,
    dir: configDir(env),
    address: formatAddress(loopbackReachable(config) ? "127.0.0.1" : listen.host, tls.port),
    caPem: authority.caPem,
  });
  const { address } = addresses.entries()[0];
  log.info({ version, address, context: contextPath, cluster: authority.clusterId }, "ready");
  const running = undo.move();
  return { failed: fatal.promise, address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** What is known only once the port is open. */
type Doors = { tls: TlsPort | undefined };

type ContextParts = {
  config: Config;
  log: Log;
  store: Store;
  authority: Authority;
  addresses: AddressBook;
  checks: ListenerChecks;
  doors: Doors;
  downloads: Downloads | undefined;
};

/** The hub, the loops and what the handlers share. */
async function createContext(parts: ContextParts, undo: AsyncDisposableStack): Promise<ApiContext> {
  const { config, log, store, authority, addresses, checks, doors, downloads } = parts;
  const { strategy } = config;
  const admission = createAdmission(store, authority.clusterId, clock);
  const known = await knownHosts(store, addresses);
  const hub = undo.use(createHub({ clock, log, random, admit: admission.admit, known, addresses }));
  undo.use(keepDialed(hub, addresses, log));
  const revoked = new Set(await store.read(removedHostIds));
  const world = createWorldReader(store);
  const signal = createChangeSignal(clock);
  const onChange = () => signal.raise();
  undo.use(startLoops({ store, hub, world, clock, random, strategy, log, onChange }));
  return {
    ...{ store, hub, authority, addresses, signal, clock, random, log, world },
    liveCalls: createLiveCalls(clock),
    changer: createChanger({
      ...{ store, world, clock, random, strategy },
      live: () => hub.hosts(),
      obeyedEpoch: admission.obeyedEpoch,
    }),
    advertised: () => addresses.entries()[0].address,
    async addressesChanged() {
      if (await authority.rename(addresses.names())) doors.tls?.setAuthority(authority);
      hub.tellAddresses();
      signal.raise();
    },
    installable: downloads !== undefined,
    checks: () => checks.list(),
    obeyedEpoch: admission.obeyedEpoch,
    isRevoked: (hostId) => revoked.has(hostId),
    revoke(hostId) {
      revoked.add(hostId);
      hub.forget(hostId);
      doors.tls?.cut(hostId);
    },
    startedAt: clock.now(),
  };
}

/** Which address a host dialled last outlives this process: it may be off for long. All that come back at once are one write. */
function keepDialed(hub: AgentHub, addresses: AddressBook, log: Log): Disposable {
  let timer: Timer | undefined;
  const save = () => {
    timer?.cancel();
    timer = undefined;
    try {
      addresses.save();
    } catch (error) {
      log.error({ err: error }, "which addresses hosts dial could not be written down; the next change does");
    }
  };
  const listening = hub.onChange((hostId, what) => {
    if (what === "state" && addresses.noteHost(hostId, hub.host(hostId)?.dialedAddress ?? ""))
      timer ??= clock.after(saveMs, save);
  });
  return {
    [Symbol.dispose]() {
      listening[Symbol.dispose]();
      save();
    },
  };
}

async function knownHosts(store: Store, addresses: AddressBook): Promise<KnownHost[]> {
  const rows = await store.read(listHosts);
  return rows.map((row) => ({
    hostId: row.id,
    lastHeardAt: row.last_heard_at,
    address: row.address,
    agentVersion: row.agent_version,
    bootId: row.last_boot_id,
    dialedAddress: addresses.dialedBy(row.id),
  }));
}

function keepCertificateFresh(authority: Authority, tls: TlsPort, log: Log): AsyncDisposable {
  const run = async () => {
    if (await authority.renewServer()) tls.setAuthority(authority);
  };
  return startLoop({ name: "server certificate", periodMs: certificateCheckMs, clock, log, run });
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

/** What other machines download. It costs a minute of a core that a model may need, so mostly nothing is made before one asks. */
function openDownloads(config: Config, log: Log, undo: AsyncDisposableStack): Downloads | undefined {
  const own = packaged();
  if (own === undefined) return undefined;
  const { executable, target } = own;
  const downloads = undo.use(createDownloads({ dir: join(config.stateDir, "dist"), executable, target, log }));
  if (config.prepareDownloads)
    downloads.offer().catch((error: unknown) => log.error({ err: error }, "cannot make what hosts download"));
  return downloads;
}

function loopbackReachable(config: Config): boolean {
  return ["", "0.0.0.0", "::", "127.0.0.1", "localhost"].includes(config.listen.host);
}
