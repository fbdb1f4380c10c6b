// What planning looks at: what is wanted, what is found, and the facts between. Every word here is free of any one engine.
import type { ReplicaAssignment } from "#proto/agent_pb.ts";
import type { Claim } from "#proto/inventory_pb.ts";
import type { ReplicaSpec } from "#proto/spec_pb.ts";

/** One replica as the control plane wants it. */
export type Wanted = {
  readonly replicaId: string;
  readonly generation: number;
  readonly slot: number;
  readonly spec: ReplicaSpec;
  readonly specHash: string;
  readonly claims: readonly Claim[];
};

/** The complete set for this host. A replica in neither part is left alone. */
export type Desired = { readonly run: ReadonlyMap<string, Wanted>; readonly retire: ReadonlySet<string> };

/** The part of a container that planning looks at; ObservedContainer of the engine port fits it. Times in ms since 1970, 0 for never. */
export type FoundContainer = {
  readonly id: string;
  readonly replicaId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly instance: string;
  readonly group: string;
  readonly phase: "created" | "running" | "ended";
  readonly startedAt: number;
  readonly endedAt: number;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  readonly error: string;
  readonly ports: readonly { readonly containerPort: number; readonly hostPort: number; readonly transport: string }[];
};

export type Verdict = "starting" | "ready" | "unwell";

/** Time in which the container engine (or the whole host) was away. */
export type Outage = { readonly from: number; readonly to: number };

/** What else a plan depends on. All of it may be lost with the process: it is found again. */
export type Facts = {
  /** Generation of each replica whose image is known to be on the host. */
  readonly staged: ReadonlyMap<string, number>;
  /** Verdict on the running attempt of each replica. */
  readonly health: ReadonlyMap<string, { readonly attempt: number; readonly verdict: Verdict }>;
  /** Last sign of progress of an attempt that is not ready, and when it was looked for. */
  readonly progress: ReadonlyMap<string, { readonly attempt: number; readonly at: number; readonly checkedAt: number }>;
  readonly outages: readonly Outage[];
  /** Host ports that something foreign was found to hold. */
  readonly busyPorts: ReadonlySet<number>;
  /** Host ports on which something waits, our own containers too. */
  readonly listeningPorts: ReadonlySet<number>;
};

export const noFacts: Facts = {
  staged: new Map(),
  health: new Map(),
  progress: new Map(),
  outages: [],
  busyPorts: new Set(),
  listeningPorts: new Set(),
};

/** A set in the form that planning works on. */
export function desiredOf(run: readonly ReplicaAssignment[], retire: readonly string[]): Desired {
  const wanted = run.flatMap((assignment): [string, Wanted][] => {
    const { replicaId, generation, slot, spec, specHash, claims } = assignment;
    return spec === undefined
      ? []
      : [[replicaId, { replicaId, generation: Number(generation), slot, spec, specHash, claims }]];
  });
  return { run: new Map(wanted), retire: new Set(retire) };
}
