// Joins what is wanted of a replica with what its host says now.
import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Observed, type Replica, ReplicaSchema, ReplicaState } from "#proto/replicas_pb.ts";
import { relaxations } from "#core/settings/relaxations.ts";
import { compareText } from "#core/text-order.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { hasImage } from "../schedule/plan-steps.ts";
import type { HostView } from "../schedule/snapshot.ts";
import type { StoredReplica, World } from "../world.ts";
import { hostViews, unknownReplicas } from "../change/snapshot.ts";
import { withDialableEndpoints } from "./endpoint-address.ts";

/** Latest word of a host on a replica: live when there is one, else what was written last. */
export function latestObserved(replica: StoredReplica, live: ReadonlyMap<string, LiveHost>): Observed | undefined {
  return live.get(replica.hostId ?? "")?.observed.get(replica.id) ?? replica.observed;
}

export function replicaViews(world: World, live: readonly LiveHost[]): Replica[] {
  const byId = new Map(live.map((host) => [host.hostId, host]));
  const hosts = hostViews(world, live);
  const addresses = new Map(world.hosts.map((row) => [row.id, row.address]));
  return world.replicas
    .map((replica) => replicaView(replica, byId, hosts, addresses.get(replica.hostId ?? "") ?? ""))
    .toSorted(byName);
}

/** Replicas that run and that nobody asked for. */
export function unknownViews(world: World, live: readonly LiveHost[]): Replica[] {
  const names = new Map(world.hosts.map((host) => [host.id, host.name]));
  const byId = new Map(live.map((host) => [host.hostId, host]));
  return unknownReplicas(world, live)
    .map((unknown) => {
      const host = byId.get(unknown.hostId);
      const observed = host?.observed.get(unknown.replicaId);
      return create(ReplicaSchema, {
        id: unknown.replicaId,
        instance: unknown.instance,
        group: unknown.group,
        slot: unknown.slot,
        host: names.get(unknown.hostId) ?? unknown.hostId,
        generation: BigInt(unknown.generation),
        state: ReplicaState.UNKNOWN,
        reason: "runs, and nothing asks for it",
        service: observed?.service ?? "",
        variety: observed?.variety ?? "",
        profile: observed?.profile ?? "",
        ...(observed === undefined ? {} : { observed: withDialableEndpoints(observed, host?.address ?? "") }),
        ...(observed?.since === undefined ? {} : { since: observed.since }),
      });
    })
    .toSorted(byName);
}

/** Adds to the reason of a start that failed that the image is on another host only. */
function elsewhere(replica: StoredReplica, state: ReplicaState, reason: string, hosts: readonly HostView[]): string {
  const failing = state === ReplicaState.BACKOFF || state === ReplicaState.FAILED || state === ReplicaState.PULLING;
  if (!failing || reason === "") return "";
  const { image } = replica.spec;
  const own = hosts.find((host) => host.id === replica.hostId);
  if (own === undefined || hasImage(own, image)) return "";
  const holders = hosts.filter((host) => host !== own && hasImage(host, image)).map((host) => host.name);
  return holders.length === 0
    ? ""
    : `; the image is on ${holders.join(", ")}: docker save ${image} | ssh ${own.name} docker load`;
}

function replicaView(
  replica: StoredReplica,
  live: ReadonlyMap<string, LiveHost>,
  hosts: readonly HostView[],
  storedAddress: string,
): Replica {
  const host = live.get(replica.hostId ?? "");
  const observed = latestObserved(replica, live);
  const { state, since, reason } = standing(replica, observed, host);
  const { service, variety, profile, image } = replica.spec;
  return create(ReplicaSchema, {
    id: replica.id,
    instance: replica.instance,
    group: replica.group,
    slot: replica.slot,
    host: hosts.find((host) => host.id === replica.hostId)?.name ?? "",
    generation: BigInt(replica.generation),
    state,
    since,
    reason: `${reason}${elsewhere(replica, state, reason, hosts)}`,
    service,
    variety,
    profile,
    image,
    relaxations: relaxations(replica.spec),
    ...(observed === undefined ? {} : { observed: withDialableEndpoints(observed, host?.address || storedAddress) }),
  });
}

type Standing = { state: ReplicaState; since: Timestamp; reason: string };

function standing(replica: StoredReplica, observed: Observed | undefined, host: LiveHost | undefined): Standing {
  const created = timestampFromMs(replica.createdAt);
  if (replica.hostId === null) return { state: ReplicaState.PENDING, since: created, reason: replica.reason };
  if (host !== undefined && host.state !== "online")
    return {
      state: ReplicaState.LOST,
      since: timestampFromMs(host.since),
      reason: host.problem || `its host is ${host.state}`,
    };
  if (host === undefined)
    return { state: ReplicaState.LOST, since: created, reason: "its host has not been heard yet" };
  if (!host.obeys)
    return { state: observed?.state ?? ReplicaState.UNKNOWN, since: observed?.since ?? created, reason: host.problem };
  const seen = observed !== undefined && host.observed.has(replica.id);
  if (replica.wish === "retire") {
    const reason = seen && observed.state === ReplicaState.STOPPING ? observed.reason : "";
    return { state: ReplicaState.STOPPING, since: observed?.since ?? created, reason };
  }
  if (!seen || observed.generation < BigInt(replica.generation)) {
    // An older generation that still pulls or stops says more than "assigned".
    const telling = observed !== undefined && seen && observed.state === ReplicaState.PULLING;
    return { state: telling ? observed.state : ReplicaState.ASSIGNED, since: observed?.since ?? created, reason: "" };
  }
  return { state: observed.state, since: observed.since ?? created, reason: observed.reason };
}

function byName(a: Replica, b: Replica): number {
  return (
    compareText(a.group, b.group) ||
    compareText(a.instance, b.instance) ||
    a.slot - b.slot ||
    compareText(a.host, b.host)
  );
}
