// The tables, as kysely sees them. Times are milliseconds since 1970. JSON columns hold text.
import type { Generated } from "kysely";

export type MetaTable = { key: string; value: string };

/** Every start of the control plane leaves one row: an agent obeys only a history that contains the incarnation it last obeyed. */
export type IncarnationTable = { incarnation: string; epoch: number; started_at: number };

export type HostTable = {
  id: string;
  name: string;
  state: "active" | "removed";
  joined_at: number;
  agent_version: string;
  address: string;
  /** Inventory as protobuf JSON; empty before the first link. */
  inventory: string;
  last_boot_id: string;
  /** When it was last heard, written when its stream ends. */
  last_heard_at: number;
};

export type InviteTable = {
  id: string;
  secret_hash: string;
  host_name: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  used_by: string | null;
};

export type TokenTable = {
  id: string;
  secret_hash: string;
  name: string;
  role: "admin";
  created_at: number;
  expires_at: number | null;
};

export type ProjectTable = {
  name: string;
  /** Rises by one with every apply that changed something. */
  revision: number;
  /** The files as they were sent: [{name, text}]. */
  files: string;
  /** The parsed settings as JSON (core/settings). */
  settings: string;
  applied_at: number;
};

export type InstanceTable = {
  id: string;
  group_name: string;
  name: string;
  /** "settings/<project>" or "dynamic". */
  owner: string;
  service: string;
  variety: string;
  profile: string;
  replicas: number;
  /** Name of the host it is bound to; empty for any. */
  host: string;
  /** 1 while `down` overrides the settings. */
  overridden: number;
  created_at: number;
};

export type ReplicaTable = {
  id: string;
  /** Null when nobody wants it: it is being retired. */
  instance_id: string | null;
  group_name: string;
  instance_name: string;
  slot: number;
  /** Null while it is not placed. */
  host_id: string | null;
  generation: number;
  /** ReplicaSpec as protobuf JSON. */
  spec: string;
  spec_hash: string;
  /** Claims as protobuf JSON array. */
  claims: string;
  wish: "run" | "retire";
  /** Host ids that rejected this generation, JSON array. */
  rejected_by: string;
  /** Why it is not placed, for people. */
  reason: string;
  /** Last Observed as protobuf JSON; empty before the first report. */
  observed: string;
  created_at: number;
};

export type OperationTable = {
  id: Generated<number>;
  kind: string;
  title: string;
  state: "running" | "done" | "failed" | "cancelled" | "superseded";
  /** Plan as protobuf JSON. */
  plan: string;
  /** What has to become true: [{replicaId, action, instance, group, slot, host, had, startedAt, endedAt, failed, reason}] as JSON. */
  targets: string;
  actor: string;
  idempotency_key: string | null;
  started_at: number;
  ended_at: number | null;
};

export type EventTable = {
  /** Revision of the commit that wrote it. */
  revision: number;
  /** Position within that commit. */
  ordinal: number;
  at: number;
  kind: string;
  subject: string;
  message: string;
  actor: string;
};

export type RevisionTable = { id: number; n: number };

export type Tables = {
  meta: MetaTable;
  incarnations: IncarnationTable;
  hosts: HostTable;
  invites: InviteTable;
  tokens: TokenTable;
  projects: ProjectTable;
  instances: InstanceTable;
  replicas: ReplicaTable;
  operations: OperationTable;
  events: EventTable;
  revision: RevisionTable;
};
