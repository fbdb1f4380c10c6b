// What the hub keeps of one host beyond what it shows: its stream, who speaks on it, and who else claims to be it.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Assignment, type Hello, type LinkResponse, LinkResponseSchema, type Report } from "#proto/agent_pb.ts";
import type { Observed } from "#proto/replicas_pb.ts";
import type { Admission, AgentSession } from "./agent-session.ts";
import type { Speaker } from "./identity-conflict.ts";
import type { HubTimings, LiveHost } from "./live-host.ts";

type Admitted = Extract<Admission, { admitted: true }>;

/** A stream that said Hello and was admitted. */
export type Newcomer = {
  readonly session: AgentSession;
  readonly hello: Hello;
  readonly admission: Admitted;
  readonly speaker: Speaker;
};

export type HostRecord = {
  view: LiveHost;
  /** Milliseconds since 1970 of the last message in this life; 0 when none. */
  heardAt: number;
  holder: Newcomer | undefined;
  /** Waits until it is clear whether the holder still lives; settled ends its Hello. */
  challenger: (Newcomer & { readonly settled: () => void }) | undefined;
  readonly superseded: Set<string>;
  contacts: Map<string, number> | undefined;
  assignment: Assignment | undefined;
  /** When the agent refused the assignment on this stream, such as for a full disk; undefined when it did not. */
  refusedAt: number | undefined;
  /** Sequence of the last report of this stream. */
  sequence: bigint;
};

/** A host that the store knows. */
export type KnownHost = {
  readonly hostId: string;
  /** Milliseconds since 1970; 0 when never. */
  readonly lastHeardAt: number;
  readonly address?: string;
  readonly agentVersion?: string;
  readonly bootId?: string;
  readonly dialedAddress?: string;
};

/** state: what it is taken for until it is heard. Default offline. */
export function newRecord(known: KnownHost, state: "suspect" | "offline" = "offline"): HostRecord {
  const { hostId, lastHeardAt, address = "", agentVersion = "", bootId = "", dialedAddress = "" } = known;
  return {
    view: {
      hostId,
      state,
      since: lastHeardAt,
      ...{ address, dialedAddress, addressProblem: "", agentVersion, bootId },
      inventory: undefined,
      telemetry: undefined,
      observed: new Map(),
      reportedFully: false,
      asked: new Set(),
      obeys: true,
      problem: "",
      acknowledgedRevision: 0,
    },
    heardAt: 0,
    holder: undefined,
    challenger: undefined,
    superseded: new Set(),
    contacts: undefined,
    refusedAt: undefined,
    assignment: undefined,
    sequence: 0n,
  };
}

/** The host after it was let in. Until it has reported everything, what was known of the rest stays. */
export function welcomedView(view: LiveHost, { session, hello, admission }: Newcomer, now: number): LiveHost {
  return {
    ...view,
    state: "online",
    since: view.state === "online" ? view.since : now,
    address: session.address,
    // An older agent does not say; what it dialled before stands.
    dialedAddress: hello.dialedAddress || view.dialedAddress,
    addressProblem: "",
    agentVersion: hello.agentVersion,
    bootId: hello.bootId,
    inventory: hello.inventory ?? view.inventory,
    observed: new Map([...view.observed, ...byReplica(hello.observed)]),
    reportedFully: false,
    asked: new Set(),
    obeys: admission.obeys,
    problem: admission.obeys ? "" : admission.problem,
  };
}

/** The host after a report. */
export function reportedView(view: LiveHost, report: Report): LiveHost {
  const observed = new Map([...(report.full ? [] : view.observed), ...byReplica(report.changed)]);
  for (const replicaId of report.gone) observed.delete(replicaId);
  const asked = new Set([...view.asked].filter((replicaId) => !report.gone.includes(replicaId)));
  return {
    ...view,
    observed: report.full || report.changed.length > 0 || report.gone.length > 0 ? observed : view.observed,
    reportedFully: view.reportedFully || report.full,
    asked: asked.size < view.asked.size ? asked : view.asked,
    inventory: report.inventory ?? view.inventory,
    telemetry: report.telemetry ?? view.telemetry,
  };
}

function byReplica(observed: readonly Observed[]): [string, Observed][] {
  return observed.map((seen) => [seen.replicaId, seen]);
}

/** What every host is told of the control plane. */
export type Told = {
  readonly timings: HubTimings;
  readonly telemetryMs: number;
  readonly addresses: HubAddresses;
};

/** Addresses of the control plane, asked whenever they are told. */
export type HubAddresses = {
  told(): readonly string[];
  isPresent(address: string): boolean;
};

/** Welcome, first and renewed. */
export function welcome(admission: Admitted, { timings, telemetryMs, addresses }: Told, now: number): LinkResponse {
  return create(LinkResponseSchema, {
    message: {
      case: "welcome",
      value: {
        clusterId: admission.clusterId,
        clusterEpoch: BigInt(admission.clusterEpoch),
        incarnation: admission.incarnation,
        historyContainsObeyed: admission.historyContainsObeyed,
        heartbeatMs: BigInt(timings.heartbeatMs),
        telemetryMs: BigInt(telemetryMs),
        now: timestampFromMs(now),
        addresses: [...addresses.told()],
      },
    },
  });
}

/** Sends the complete set on a stream of the host, and remembers what the host may run for it. */
export function tellAssignment(record: HostRecord, session: AgentSession, assignment: Assignment): void {
  const run = assignment.run.map(({ replicaId }) => replicaId);
  // What is no longer named was gone before.
  const named = new Set([...run, ...assignment.retire]);
  record.view = { ...record.view, asked: new Set([...[...record.view.asked].filter((id) => named.has(id)), ...run]) };
  session.send(create(LinkResponseSchema, { message: { case: "assignment", value: assignment } }));
}

export function acknowledgement(sequence: bigint): LinkResponse {
  return create(LinkResponseSchema, { message: { case: "reportAck", value: { sequence } } });
}
