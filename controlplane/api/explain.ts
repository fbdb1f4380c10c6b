// Says why an instance is where it is, or is not.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { nameInGroup } from "#core/names.ts";
import { formatDuration } from "#core/units.ts";
import {
  type ExplainInstanceRequest,
  type ExplainInstanceResponse,
  ExplainInstanceResponseSchema,
  type Instance,
} from "#proto/instances_pb.ts";
import { type Replica, ReplicaState } from "#proto/replicas_pb.ts";
import type { Candidate } from "#proto/settings_pb.ts";
import { findInstance } from "../change/edits.ts";
import { findService } from "../change/find-service.ts";
import { candidatesFor, makeSnapshot } from "../change/snapshot.ts";
import { place } from "../schedule/place.ts";
import { instanceSubject, listEvents } from "../store/events.ts";
import { instanceList } from "../view/instance-view.ts";
import type { World } from "../world.ts";
import type { ApiContext } from "./context.ts";

export async function explainInstance(
  context: ApiContext,
  { name, group }: ExplainInstanceRequest,
): Promise<ExplainInstanceResponse> {
  const world = await context.world();
  const live = context.hub.hosts();
  const row = findInstance(world, group, name);
  if (row === undefined) findService({ service: name, group: group || "default", owner: "dynamic" }, world);
  const instance = instanceList(world, live).instances.find((i) => i.name === name && i.group === (group || "default"));
  const wish = row ?? {
    group_name: group || "default",
    name,
    service: name,
    variety: "",
    profile: "",
    owner: "dynamic",
    host: "",
    id: "",
  };
  const events = await context.store.read((read) =>
    listEvents(read, { limit: 8, subject: instanceSubject(group, name) }),
  );
  return create(ExplainInstanceResponseSchema, {
    ...(instance === undefined ? {} : { instance }),
    candidates: candidates(context, world, wish),
    summary:
      instance === undefined ? `${name} is a service that nobody asked to run` : summary(instance, context.clock.now()),
    next: instance === undefined ? [`ozctl up ${nameInGroup(group, name)}`] : next(instance),
    events: events.map((event) => ({ at: timestampFromMs(event.at), message: event.message })),
  });
}

/** Hosts as they would be chosen from now: for the replica that has no place, else for the instance placed afresh. */
function candidates(
  context: ApiContext,
  world: World,
  wish: Parameters<typeof candidatesFor>[0] & { host: string; id: string },
): Candidate[] {
  const snapshot = makeSnapshot(world, context.hub.hosts());
  const pending = snapshot.replicas.some(({ instanceId, hostId }) => instanceId === wish.id && hostId === null);
  const held = Map.groupBy(
    snapshot.replicas.filter(({ instanceId, hostId }) => hostId !== null && (pending || instanceId !== wish.id)),
    (replica) => replica.hostId,
  );
  const loads = snapshot.hosts.map((host) => ({ host, held: held.get(host.id) ?? [] }));
  return [
    ...place(loads, candidatesFor(wish, world), { instance: wish.name, host: wish.host, rejectedBy: [] }, "spread")
      .candidates,
  ];
}

function summary(instance: Instance, now: number): string {
  if (instance.overridden)
    return `${instance.name} was taken down; the settings want it (the next apply brings it back)`;
  const lines = instance.units.map(
    (unit) =>
      `${stateWord(unit)}${unit.host === "" ? "" : ` on ${unit.host}`}${age(unit, now)}${unit.reason === "" ? "" : `: ${unit.reason}`}`,
  );
  return `${instance.name} is ${lines.join("; ") || "not running"}`;
}

function stateWord(unit: Replica): string {
  return names[unit.state] ?? "unknown";
}

/** As they stand in "web is …". */
const names: Partial<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(ReplicaState).map(([name, value]) => [value, name.toLowerCase()])),
  [ReplicaState.BACKOFF]: "waiting for its next start",
  [ReplicaState.FAILED]: "down for good",
};

function age(unit: Replica, now: number): string {
  return unit.since === undefined ? "" : ` since ${formatDuration(now - Number(unit.since.seconds) * 1000)}`;
}

function next(instance: Instance): string[] {
  const states = new Set(instance.units.map((unit) => unit.state));
  const name = nameInGroup(instance.group, instance.name);
  if (instance.overridden) return [`ozctl up ${name}`];
  if (states.has(ReplicaState.FAILED)) {
    const ran = instance.units.some(({ observed }) => observed?.exitCode !== undefined || observed?.logTail.length);
    return [...(ran ? [`ozctl logs --previous ${name}`] : []), `ozctl restart ${name}`];
  }
  if (states.has(ReplicaState.PENDING)) return ["ozctl hosts", "ozctl host invite"];
  return [`ozctl logs -f ${name}`];
}
