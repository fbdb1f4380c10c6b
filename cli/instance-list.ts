// The answer of ListInstances read without descriptors, for `ozctl ps`: they would cost more than the call. Only what the table shows.
import type { Instance } from "#proto/instances_pb.ts";
import type { Endpoint, Observed, PullProgress, Replica } from "#proto/replicas_pb.ts";
import type { Moment } from "./output/ages.ts";
import { replicaState } from "./output/replica-state.ts";

export type ListedObserved = Pick<Observed, "starts"> & {
  endpoints: Pick<Endpoint, "name" | "address" | "port" | "protocol">[];
  pull?: Pick<PullProgress, "doneBytes" | "totalBytes"> | undefined;
  memoryBytes?: bigint | undefined;
};
export type ListedReplica = Pick<
  Replica,
  "id" | "instance" | "group" | "slot" | "host" | "reason" | "service" | "variety" | "profile" | "image"
> & {
  state: number;
  since?: Moment | undefined;
  observed?: ListedObserved | undefined;
};
export type ListedInstance = Pick<
  Instance,
  "name" | "group" | "service" | "variety" | "profile" | "replicas" | "owner" | "host" | "overridden"
> & {
  units: ListedReplica[];
};
export type InstanceList = { instances: ListedInstance[]; unknown: ListedReplica[] };

type Json = Record<string, unknown>;

/** Reads proto JSON. What is missing has the contract's default; what is not known is left out. */
export function readInstanceList(text: string): InstanceList {
  const answer = object(JSON.parse(text));
  return { instances: list(answer["instances"]).map(readInstance), unknown: list(answer["unknown"]).map(readReplica) };
}

function readInstance(json: Json): ListedInstance {
  return {
    name: string(json["name"]),
    group: string(json["group"]),
    service: string(json["service"]),
    variety: string(json["variety"]),
    profile: string(json["profile"]),
    replicas: number(json["replicas"]),
    owner: string(json["owner"]),
    host: string(json["host"]),
    overridden: json["overridden"] === true,
    units: list(json["units"]).map(readReplica),
  };
}

function readReplica(json: Json): ListedReplica {
  const { since, observed } = json;
  return {
    id: string(json["id"]),
    instance: string(json["instance"]),
    group: string(json["group"]),
    slot: number(json["slot"]),
    host: string(json["host"]),
    state: readState(json["state"]),
    reason: string(json["reason"]),
    service: string(json["service"]),
    variety: string(json["variety"]),
    profile: string(json["profile"]),
    image: string(json["image"]),
    ...(typeof since === "string" && { since: readMoment(since) }),
    ...(observed !== undefined && { observed: readObserved(object(observed)) }),
  };
}

function readObserved(json: Json): ListedObserved {
  const { pull, memoryBytes } = json;
  return {
    starts: number(json["starts"]),
    endpoints: list(json["endpoints"]).map((endpoint) => ({
      name: string(endpoint["name"]),
      address: string(endpoint["address"]),
      port: number(endpoint["port"]),
      protocol: string(endpoint["protocol"]),
    })),
    ...(pull !== undefined && { pull: readPull(object(pull)) }),
    ...(memoryBytes !== undefined && { memoryBytes: big(memoryBytes) }),
  };
}

function readPull(json: Json): Pick<PullProgress, "doneBytes" | "totalBytes"> {
  return { doneBytes: big(json["doneBytes"]), totalBytes: big(json["totalBytes"]) };
}

function readState(value: unknown): number {
  const name = string(value).replace(/^REPLICA_STATE_/, "");
  return typeof value === "number" ? value : ((replicaState as Record<string, number>)[name] ?? 0);
}

/** "2026-11-21T09:08:07.5Z", to the millisecond. */
function readMoment(text: string): Moment {
  const ms = Date.parse(text);
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (((ms % 1000) + 1000) % 1000) * 1e6 };
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function big(value: unknown): bigint {
  return typeof value === "string" || typeof value === "number" ? BigInt(value) : 0n;
}
