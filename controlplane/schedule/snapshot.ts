// What planning looks at. Frozen facts in, changes out: no clock, no disk, no network in this folder.
import type { Inventory } from "#proto/inventory_pb.ts";
import type { ReplicaSpec } from "#proto/spec_pb.ts";
import type { CandidateSpec } from "#core/settings/settings.ts";

export type HostView = {
  readonly id: string;
  readonly name: string;
  /** "expected" is named in settings and never joined. */
  readonly state: "online" | "suspect" | "offline" | "quarantined" | "expected";
  /** False when the host obeys another history of the control plane. */
  readonly obeys: boolean;
  /** For people: why it is not online or does not obey. */
  readonly problem: string;
  readonly inventory: Inventory | undefined;
  /** Free bytes on the disk of the images, when known. */
  readonly diskFreeBytes: number | undefined;
};

export type InstanceView = {
  readonly id: string;
  readonly group: string;
  readonly name: string;
  readonly owner: string;
  readonly service: string;
  readonly variety: string;
  readonly profile: string;
  readonly replicas: number;
  /** Host name it is bound to; empty for any. */
  readonly host: string;
  /** True while `down` overrides the settings: nothing of it shall run. */
  readonly overridden: boolean;
  /** Forms that may be tried, in declared order. Empty when the service is gone; then `problem` says so. */
  readonly candidates: readonly (CandidateSpec & { readonly specHash: string })[];
  readonly problem: string;
};

export type ReplicaView = {
  readonly id: string;
  readonly instanceId: string | null;
  readonly group: string;
  readonly instance: string;
  readonly slot: number;
  readonly hostId: string | null;
  readonly generation: number;
  readonly spec: ReplicaSpec;
  readonly specHash: string;
  readonly wish: "run" | "retire";
  readonly rejectedBy: readonly string[];
  readonly reason: string;
};

/** A replica that runs on a host and that no row names. */
export type UnknownView = {
  readonly hostId: string;
  readonly replicaId: string;
  readonly group: string;
  readonly instance: string;
  readonly slot: number;
  readonly generation: number;
  readonly specHash: string;
};

export type Snapshot = {
  readonly hosts: readonly HostView[];
  readonly instances: readonly InstanceView[];
  readonly replicas: readonly ReplicaView[];
  readonly unknown: readonly UnknownView[];
};
