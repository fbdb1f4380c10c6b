// Joins the world of the store with what hosts say now into the snapshot that planning looks at.
import { candidateSpecs } from "#core/settings/resolve-spec.ts";
import { OzError } from "#core/errors.ts";
import { specHash } from "#core/spec-hash.ts";
import type { LiveHost } from "../agents/live-host.ts";
import type { HostView, InstanceView, Snapshot, UnknownView } from "../schedule/snapshot.ts";
import type { InstanceTable } from "../store/tables.ts";
import type { World } from "../world.ts";
import { findService } from "./find-service.ts";

export function makeSnapshot(world: World, live: readonly LiveHost[]): Snapshot {
  return {
    hosts: hostViews(world, live),
    instances: world.instances.map((row) => instanceView(row, world)).toSorted(byName),
    replicas: world.replicas,
    unknown: unknownReplicas(world, live),
  };
}

export function hostViews(world: World, live: readonly LiveHost[]): HostView[] {
  const byId = new Map(live.map((host) => [host.hostId, host]));
  const joined = world.hosts
    .filter((row) => row.state === "active")
    .map((row): HostView => {
      const host = byId.get(row.id);
      const inventory = host?.inventory ?? row.inventory;
      const free = host?.telemetry?.diskFreeBytes;
      return {
        id: row.id,
        name: row.name,
        state: host?.state ?? "offline",
        obeys: host?.obeys ?? true,
        problem: host?.problem ?? "",
        inventory,
        diskFreeBytes: free === undefined ? undefined : Number(free),
      };
    });
  const names = new Set(joined.map((host) => host.name));
  const expected = [...new Set(world.projects.flatMap((p) => p.settings.hosts.map((h) => h.name)))].filter(
    (name) => !names.has(name),
  );
  return [
    ...joined,
    ...expected.map((name): HostView => ({
      id: `expected:${name}`,
      name,
      state: "expected",
      obeys: true,
      problem: "",
      inventory: undefined,
      diskFreeBytes: undefined,
    })),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Replicas that hosts report and that no row names. */
export function unknownReplicas(world: World, live: readonly LiveHost[]): UnknownView[] {
  const known = new Set(world.replicas.map((replica) => replica.id));
  return live.flatMap((host) =>
    [...host.observed.values()]
      .filter((seen) => !known.has(seen.replicaId) && seen.container !== "")
      .map((seen) => ({
        hostId: host.hostId,
        replicaId: seen.replicaId,
        group: seen.group,
        instance: seen.instance,
        slot: seen.slot,
        generation: Number(seen.generation),
        specHash: seen.specHash,
      })),
  );
}

function instanceView(row: InstanceTable, world: World): InstanceView {
  const base = {
    id: row.id,
    group: row.group_name,
    name: row.name,
    owner: row.owner,
    service: row.service,
    variety: row.variety,
    profile: row.profile,
    replicas: row.replicas,
    host: row.host,
    overridden: row.overridden === 1,
  };
  try {
    return { ...base, candidates: candidatesFor(row, world), problem: "" };
  } catch (error) {
    if (!(error instanceof OzError)) throw error;
    return { ...base, candidates: [], problem: error.message };
  }
}

/** The forms of an instance in declared order. Throws as findService does, or not_supported for a type that never runs. */
export function candidatesFor(
  row: Pick<InstanceTable, "group_name" | "name" | "service" | "variety" | "profile" | "owner">,
  world: Pick<World, "projects">,
): InstanceView["candidates"] {
  const { project, service } = findService({ service: row.service, group: row.group_name, owner: row.owner }, world);
  const wish = project.settings.instances.find(
    (w) => row.owner === `settings/${project.name}` && w.group === row.group_name && w.name === row.name,
  );
  const request = {
    instance: row.name,
    group: row.group_name,
    variety: row.variety,
    profile: row.profile,
    ...(wish?.overrides === undefined ? {} : { overrides: wish.overrides }),
  };
  return candidateSpecs(service, request, project.settings.registries).map((candidate) => ({
    ...candidate,
    specHash: specHash(candidate.spec),
  }));
}

function byName(a: InstanceView, b: InstanceView): number {
  return a.group === b.group ? (a.name < b.name ? -1 : 1) : a.group < b.group ? -1 : 1;
}
