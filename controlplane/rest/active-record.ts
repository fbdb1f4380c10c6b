// What runs or is about to, as GET /srv/services/active/ shows it: the original's fields, and where, since when and why beside them.
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type * as z from "zod";
import type { Instance } from "#proto/instances_pb.ts";
import { type Endpoint, type Replica, ReplicaState } from "#proto/replicas_pb.ts";
import type { Service } from "#proto/services_pb.ts";
import { servicesMeant } from "../change/find-service.ts";
import type { serviceInformationAnswer } from "./answers.ts";
import { propertiesOf } from "./configured-record.ts";

export type ActiveRecord = z.infer<typeof serviceInformationAnswer>;

type Standing = { readonly state: ActiveRecord["state"]; readonly status: ActiveRecord["status"] };

/** What the original's word is for each state. Stopped replicas are not active and have no row. */
const standings: Readonly<Record<number, Standing>> = {
  [ReplicaState.UNSPECIFIED]: { state: "unknown", status: "starting" },
  [ReplicaState.PENDING]: { state: "pending", status: "starting" },
  [ReplicaState.ASSIGNED]: { state: "assigned", status: "starting" },
  [ReplicaState.PULLING]: { state: "pulling", status: "starting" },
  [ReplicaState.STARTING]: { state: "starting", status: "starting" },
  [ReplicaState.READY]: { state: "ready", status: "available" },
  [ReplicaState.UNWELL]: { state: "unwell", status: "starting" },
  [ReplicaState.BACKOFF]: { state: "backoff", status: "starting" },
  [ReplicaState.STOPPING]: { state: "stopping", status: "stopping" },
  [ReplicaState.FAILED]: { state: "failed", status: "failed" },
  [ReplicaState.LOST]: { state: "lost", status: "starting" },
  [ReplicaState.UNKNOWN]: { state: "unknown", status: "starting" },
};

/** One record per replica; one for an instance that is wanted and has no replica yet. */
export function activeRecords(instances: readonly Instance[], services: readonly Service[]): ActiveRecord[] {
  return instances.flatMap((instance) => {
    const meant = servicesMeant(services, instance);
    const service = meant.length === 1 ? meant[0] : undefined;
    if (instance.units.length === 0)
      return instance.replicas === 0 || instance.overridden ? [] : [waitingRecord(instance, service)];
    return instance.units
      .filter((unit) => unit.state !== ReplicaState.STOPPED)
      .map((unit) => unitRecord(instance, unit, service));
  });
}

function unitRecord(instance: Instance, unit: Replica, service: Service | undefined): ActiveRecord {
  const { state, status } = standings[unit.state] ?? { state: "unknown", status: "starting" };
  const endpoint = unit.observed?.endpoints[0];
  const variety = unit.variety || instance.variety;
  const profile = unit.profile || instance.profile;
  return {
    ...common(instance, service, variety, profile),
    status,
    info: infoOf(unit, state),
    slot: unit.slot,
    host: unit.host || null,
    endpoint: endpoint === undefined ? null : endpointText(endpoint),
    protocol: endpoint?.protocol || null,
    state,
    since: isoTime(unit.since),
    last_error: unit.reason || unit.observed?.reason || null,
  };
}

/** An instance that was just asked for: nothing has been planned for it yet. */
function waitingRecord(instance: Instance, service: Service | undefined): ActiveRecord {
  return {
    ...common(instance, service, instance.variety, instance.profile),
    status: "starting",
    info: {
      start_initiated: null,
      start_completed: null,
      stop_initiated: null,
      stop_completed: null,
      container_id: null,
      container_status: null,
      container_health: null,
      resolved_volumes: null,
    },
    slot: 0,
    host: null,
    endpoint: null,
    protocol: null,
    state: "pending",
    since: null,
    last_error: null,
  };
}

function common(instance: Instance, service: Service | undefined, variety: string, profile: string) {
  return {
    name: instance.name,
    service: instance.service || instance.name,
    realm: instance.group || "default",
    persistent: instance.owner !== "dynamic" && instance.owner !== "",
    variety: variety || null,
    profile: profile || null,
    properties: service === undefined ? {} : propertiesOf(service, variety, profile),
  };
}

function infoOf(unit: Replica, state: Standing["state"]): ActiveRecord["info"] {
  const since = isoTime(unit.since);
  const container = unit.observed?.container || null;
  const health = { starting: "starting", ready: "healthy", unwell: "unhealthy" } as const;
  return {
    start_initiated: state === "starting" ? since : null,
    start_completed: state === "ready" ? since : null,
    stop_initiated: state === "stopping" ? since : null,
    stop_completed: null,
    container_id: container,
    container_status:
      unit.observed === undefined || container === null ? null : unit.observed.pid > 0 ? "running" : "exited",
    container_health: state in health ? health[state as keyof typeof health] : null,
    resolved_volumes: null,
  };
}

function endpointText({ protocol, address, port }: Endpoint): string {
  return `${protocol || "tcp"}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function isoTime(time: Timestamp | undefined): string | null {
  return time === undefined ? null : timestampDate(time).toISOString();
}
