// Who is connected and what hosts say right now. Keeps no truth: the store is asked through ports, and after a restart
// everything is learned again from the agents.
import { create } from "@bufbuild/protobuf";
import { type Assignment, type AssignmentResult, LinkResponseSchema, type OpenChannel } from "#proto/agent_pb.ts";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { type RandomBytes, randomId } from "#core/ids.ts";
import type { Log } from "#core/log.ts";
import type { Admit, AgentSession, ClosedReason } from "./agent-session.ts";
import { createChannels, type HostChannel } from "./channels.ts";
import {
  type HostRecord,
  type HubAddresses,
  type KnownHost,
  newRecord,
  tellAssignment,
  welcome,
} from "./host-record.ts";
import { createLinkIntake, type LinkIntake } from "./link-intake.ts";
import { defaultHubTimings, type HubTimings, isMassSilence, type LiveHost, presenceAfter } from "./live-host.ts";

export type ChangeKind = "state" | "observed" | "telemetry" | "result";
export type ChangeListener = (hostId: string, what: ChangeKind) => void;

export type AgentHub = {
  hosts(): readonly LiveHost[];
  host(hostId: string): LiveHost | undefined;
  /** Milliseconds since 1970 of the last message in this life; undefined when none came. */
  heardAt(hostId: string): number | undefined;
  /** True when so many hosts vanished together that the fault is ours: nothing is to be replaced. */
  readonly massSilence: boolean;
  /** True during the grace after a start: absence says nothing yet. */
  readonly settling: boolean;
  onChange(listener: ChangeListener): Disposable;
  /** Replicas that a host cannot take. */
  onRejected(listener: (hostId: string, result: AssignmentResult) => void): Disposable;
  /** Sets the complete set of a host: the latest wins, and is sent again after every welcome. */
  assign(hostId: string, assignment: Assignment): void;
  /** Asks an agent for a channel. Throws unavailable when the host is not connected or does not answer in time, cancelled on abort. */
  openChannel(hostId: string, request: OpenChannel["request"], signal: AbortSignal): Promise<HostChannel>;
  /** Ends the stream of a host, if there is one. */
  disconnect(hostId: string, reason: ClosedReason, message: string): void;
  /** Faster telemetry while somebody watches. */
  setWatched(watched: boolean): void;
  /** Tells every host the addresses of the control plane again. */
  tellAddresses(): void;
  /** Adds hosts that the store knows; those already here stay as they are. */
  remember(hosts: readonly KnownHost[]): void;
  /** Drops a host that was removed. */
  forget(hostId: string): void;
  /** For the link service only. */
  readonly intake: LinkIntake;
  [Symbol.asyncDispose](): Promise<void>;
};

export type HubOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: RandomBytes;
  /** Asked at every Hello. It must bound its own time; what it throws ends the stream. */
  readonly admit: Admit;
  readonly known?: readonly KnownHost[];
  readonly timings?: Partial<HubTimings>;
  /** Default: none are told. */
  readonly addresses?: HubAddresses;
};

/** What the intake and the hub share. */
export type HubState = {
  readonly records: Map<string, HostRecord>;
  readonly timings: HubTimings;
  telemetryMs: number;
  readonly addresses: HubAddresses;
  /** Until then nobody is declared silent. */
  settledAt: number;
};

export function createHub(options: HubOptions): AgentHub {
  const { clock, log } = options;
  const timings: HubTimings = { ...defaultHubTimings, ...options.timings };
  const state: HubState = {
    records: new Map(),
    timings,
    telemetryMs: timings.idleTelemetryMs,
    addresses: options.addresses ?? { told: () => [], isPresent: () => true },
    settledAt: clock.now() + timings.graceMs,
  };
  const channels = createChannels({ clock, newId: () => randomId(options.random), timeoutMs: timings.channelMs });
  const changes = listeners<ChangeListener>(log);
  const rejections = listeners<(hostId: string, result: AssignmentResult) => void>(log);
  const intake = createLinkIntake({
    ...{ state, channels, clock, log, admit: options.admit },
    changed: (hostId, what) => changes.tell((listener) => listener(hostId, what)),
    rejected: (hostId, result) => rejections.tell((listener) => listener(hostId, result)),
  });
  const stopSweeping = startSweep(state, intake, clock, log);

  remember(state, options.known ?? [], clock.now());

  function disconnect(hostId: string, reason: ClosedReason, message: string): void {
    const record = state.records.get(hostId);
    record?.challenger?.session.close(reason, message);
    record?.holder?.session.close(reason, message);
  }

  return {
    hosts: () => [...state.records.values()].map((record) => record.view),
    host: (hostId) => state.records.get(hostId)?.view,
    heardAt: (hostId) => state.records.get(hostId)?.heardAt || undefined,
    get massSilence() {
      const all = [...state.records.values()].map(({ view, heardAt }) => ({ state: view.state, heardAt }));
      return isMassSilence(all, timings.offlineMs);
    },
    get settling() {
      return clock.now() < state.settledAt;
    },
    onChange: changes.add,
    onRejected: rejections.add,
    assign: (hostId, assignment) => assign(state, hostId, assignment),
    async openChannel(hostId, request, signal) {
      const session = connectedSession(state, hostId);
      const ask = (channelId: string) =>
        session.send(create(LinkResponseSchema, { message: { case: "openChannel", value: { channelId, request } } }));
      return channels.open(hostId, ask, signal);
    },
    disconnect,
    setWatched: (watched) =>
      setTelemetryPeriod(state, watched ? timings.watchedTelemetryMs : timings.idleTelemetryMs, clock.now()),
    tellAddresses: () => welcomeAgain(state, clock.now()),
    remember: (hosts) => remember(state, hosts, clock.now()),
    forget(hostId) {
      disconnect(hostId, "revoked", "the host was removed from the cluster");
      channels.failHost(hostId, new OzError("unavailable", `host ${hostId} was removed from the cluster`));
      state.records.delete(hostId);
    },
    intake,
    async [Symbol.asyncDispose]() {
      stopSweeping();
      for (const hostId of state.records.keys()) disconnect(hostId, "shutdown", "the control plane stops");
    },
  };
}

/** A control plane that has just started did not hear anybody yet; that is its own silence. */
function remember({ records, settledAt }: HubState, hosts: readonly KnownHost[], now: number): void {
  const taken = now < settledAt ? "suspect" : "offline";
  for (const known of hosts) if (!records.has(known.hostId)) records.set(known.hostId, newRecord(known, taken));
}

function assign(state: HubState, hostId: string, assignment: Assignment): void {
  let record = state.records.get(hostId);
  if (record === undefined) state.records.set(hostId, (record = newRecord({ hostId, lastHeardAt: 0 })));
  // A raised epoch is how a fenced host is won back, so it is worth asking.
  const raised = record.assignment !== undefined && assignment.clusterEpoch > record.assignment.clusterEpoch;
  record.assignment = assignment;
  const worthAsking = record.view.obeys || raised || record.refusedAt !== undefined;
  const { holder, view } = record;
  if (worthAsking && view.state !== "quarantined" && holder !== undefined)
    tellAssignment(record, holder.session, assignment);
}

function connectedSession(state: HubState, hostId: string): AgentSession {
  const record = state.records.get(hostId);
  if (record?.holder !== undefined) return record.holder.session;
  throw new OzError(
    "unavailable",
    `the agent of host ${hostId} is not connected${record?.view.problem ? `: ${record.view.problem}` : ""}`,
    {
      hint: "See `ozctl hosts`. On the host: is ozwald-agent running, and does it reach the control plane?",
    },
  );
}

function setTelemetryPeriod(state: HubState, telemetryMs: number, now: number): void {
  if (state.telemetryMs === telemetryMs) return;
  state.telemetryMs = telemetryMs;
  welcomeAgain(state, now);
}

function welcomeAgain(state: HubState, now: number): void {
  for (const { holder } of state.records.values()) holder?.session.send(welcome(holder.admission, state, now));
}

/**
 * Looks at the clock for silent hosts. A look that comes much too late means that this process was frozen: begin a new grace. So does
 * one that comes too early: a machine may begin with a clock that is hours ahead.
 */
function startSweep(state: HubState, intake: LinkIntake, clock: Clock, log: Log): () => void {
  const periodMs = Math.max(10, Math.min(1_000, Math.floor(state.timings.suspectMs / 5)));
  let last = clock.now();
  const sweep = () => {
    const now = clock.now();
    if (now - last > 3 * periodMs || now < last) {
      const what = now < last ? "the clock was set back" : "this process was frozen";
      log.warn({ ms: now - last }, `${what}; hosts get a new grace before they count as silent`);
      state.settledAt = now + state.timings.graceMs;
    }
    last = now;
    for (const record of state.records.values()) {
      record.heardAt = Math.min(record.heardAt, now);
      intake.look(
        record,
        presenceAfter(
          { state: record.view.state, heardAt: record.heardAt, settledAt: state.settledAt, now },
          state.timings,
        ),
      );
    }
    timer = clock.after(periodMs, sweep);
  };
  let timer = clock.after(periodMs, sweep);
  return () => timer.cancel();
}

function listeners<L extends (...args: never[]) => void>(
  log: Log,
): { add(listener: L): Disposable; tell(call: (listener: L) => void): void } {
  const all = new Set<L>();
  return {
    add(listener) {
      all.add(listener);
      return { [Symbol.dispose]: () => void all.delete(listener) };
    },
    tell(call) {
      for (const listener of all) {
        try {
          call(listener);
        } catch (error) {
          log.error({ err: error }, "a listener of the hub failed");
        }
      }
    },
  };
}
