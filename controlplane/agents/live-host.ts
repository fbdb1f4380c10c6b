// What is known of a host right now, in memory only, and how its presence changes.
//
//                 heard                    heard
//        ┌───────────────────┐   ┌──────────────────────────┐
//        ▼                   │   ▼                          │
//     online ──silent──► suspect ──silent for longer──► offline
//        │                   │                              │
//        └──────── two machines, one identity ──────────────┘
//                            ▼
//                       quarantined ──only one of them left, welcomed──► online
import type { Inventory, Telemetry } from "#proto/inventory_pb.ts";
import type { Observed } from "#proto/replicas_pb.ts";

export type LiveState = "online" | "suspect" | "offline" | "quarantined";

export type LiveHost = {
  readonly hostId: string;
  readonly state: LiveState;
  /** Milliseconds since 1970. Online: since it was welcomed; suspect and offline: since it was last heard; 0 when never. */
  readonly since: number;
  /** Address it dials from; empty when unknown. */
  readonly address: string;
  /** Address of the control plane that it dialled last; empty when it never said. */
  readonly dialedAddress: string;
  /** Why it does not dial a present one, as it says; empty when it does. */
  readonly addressProblem: string;
  readonly agentVersion: string;
  readonly bootId: string;
  readonly inventory: Inventory | undefined;
  readonly telemetry: Telemetry | undefined;
  /** Latest word on each replica. Stays as it was last heard when the host falls silent. */
  readonly observed: ReadonlyMap<string, Observed>;
  /** True when the agent has listed everything since it was last welcomed: only then does absence mean that nothing is left. */
  readonly reportedFully: boolean;
  /** Replicas that it was told to run since it was last welcomed. What it runs of them may not be reported yet, until it says gone. */
  readonly asked: ReadonlySet<string>;
  /** False when the host takes no orders from this control plane: fenced, or quarantined. `problem` says why. */
  readonly obeys: boolean;
  /** For people; empty when all is well. */
  readonly problem: string;
  /** Revision of the last assignment it accepted in this life; 0 when none. */
  readonly acknowledgedRevision: number;
};

/** Times in milliseconds. */
export type HubTimings = {
  /** Longest silence of a healthy agent. Default 5,000. */
  readonly heartbeatMs: number;
  /** Silence until suspect. Default 15,000. */
  readonly suspectMs: number;
  /** Silence until offline. Default 45,000. */
  readonly offlineMs: number;
  /** After a start, and after this process itself was frozen, nobody is declared silent for so long. Default 60,000. */
  readonly graceMs: number;
  /** Telemetry period while somebody watches. Default 2,000. */
  readonly watchedTelemetryMs: number;
  /** Telemetry period otherwise. Default 15,000. */
  readonly idleTelemetryMs: number;
  /** How long an agent has to open a channel. Default 10,000. */
  readonly channelMs: number;
};

export const defaultHubTimings: HubTimings = {
  heartbeatMs: 5_000,
  suspectMs: 15_000,
  offlineMs: 45_000,
  graceMs: 60_000,
  watchedTelemetryMs: 2_000,
  idleTelemetryMs: 15_000,
  channelMs: 10_000,
};

export type Presence = {
  readonly state: LiveState;
  readonly heardAt: number;
  readonly settledAt: number;
  readonly now: number;
};

/** State after a look at the clock. settledAt is the end of the grace; before it nobody gets worse. Quarantine ends only by a welcome. */
export function presenceAfter(
  { state, heardAt, settledAt, now }: Presence,
  timings: Pick<HubTimings, "suspectMs" | "offlineMs">,
): LiveState {
  if (state === "quarantined" || state === "offline") return state;
  if (now < settledAt) return state;
  const silentMs = now - heardAt;
  if (silentMs >= timings.offlineMs) return "offline";
  return silentMs >= timings.suspectMs ? "suspect" : state;
}

/** Share of the hosts that vanished together from which on the fault is taken to be ours. */
const massShare = 0.55;

/**
 * True when at least two hosts, and 55 % of those that were there, fell silent within one offlineMs of each other:
 * then it is the control plane that is cut off, and nobody is to be replaced.
 */
export function isMassSilence(
  hosts: readonly { readonly state: LiveState; readonly heardAt: number }[],
  offlineMs: number,
): boolean {
  const silent = hosts.filter((host) => host.heardAt > 0 && (host.state === "suspect" || host.state === "offline"));
  const latest = silent.reduce((max, host) => Math.max(max, host.heardAt), 0);
  const together = silent.filter((host) => host.heardAt >= latest - offlineMs).length;
  const there = hosts.filter((host) => host.state === "online").length + together;
  return together >= 2 && together / there >= massShare;
}
