// Everything the store holds about what is wanted, typed and read once per revision.
import { fromJson, fromJsonString, type JsonValue } from "@bufbuild/protobuf";
import { type Inventory, InventorySchema } from "#proto/inventory_pb.ts";
import { type Observed, ObservedSchema } from "#proto/replicas_pb.ts";
import { ReplicaSpecSchema } from "#proto/spec_pb.ts";
import type { ServiceDefinition, Settings } from "#core/settings/settings.ts";
import { listHosts } from "./store/hosts.ts";
import { listInstances } from "./store/instances.ts";
import { listProjects } from "./store/projects.ts";
import { listReplicas } from "./store/replicas.ts";
import type { Read, Store } from "./store/store.ts";
import type { HostTable, InstanceTable, ReplicaTable } from "./store/tables.ts";
import type { ReplicaView } from "./schedule/snapshot.ts";

export type Project = { readonly name: string; readonly revision: number; readonly settings: Settings };

export type StoredReplica = ReplicaView & {
  readonly observed: Observed | undefined;
  readonly claims: string;
  readonly createdAt: number;
};

export type StoredHost = Omit<HostTable, "inventory"> & { readonly inventory: Inventory | undefined };

export type World = {
  readonly revision: number;
  readonly projects: readonly Project[];
  readonly hosts: readonly StoredHost[];
  readonly instances: readonly InstanceTable[];
  readonly replicas: readonly StoredReplica[];
};

/** Reads the world; the same revision gives the same object. */
export function createWorldReader(store: Store): () => Promise<World> {
  let cached: Promise<World> | undefined;
  let revision = -1;
  return () => {
    if (cached === undefined || revision !== store.revision) {
      revision = store.revision;
      cached = store.read((read) => readWorld(read, store.revision));
      cached.catch(() => (cached = undefined));
    }
    return cached;
  };
}

async function readWorld(read: Read, revision: number): Promise<World> {
  const [projects, hosts, instances, replicas] = [
    await listProjects(read),
    await listHosts(read),
    await listInstances(read),
    await listReplicas(read),
  ];
  return {
    revision,
    projects: projects.map(({ name, revision: r, settings }) => ({
      name,
      revision: r,
      settings: JSON.parse(settings) as Settings,
    })),
    hosts: hosts.map((row) => ({
      ...row,
      inventory:
        row.inventory === ""
          ? undefined
          : fromJsonString(InventorySchema, row.inventory, { ignoreUnknownFields: true }),
    })),
    instances,
    replicas: replicas.map(storedReplica),
  };
}

function storedReplica(row: ReplicaTable): StoredReplica {
  return {
    id: row.id,
    instanceId: row.instance_id,
    group: row.group_name,
    instance: row.instance_name,
    slot: row.slot,
    hostId: row.host_id,
    generation: row.generation,
    spec: fromJson(ReplicaSpecSchema, JSON.parse(row.spec) as JsonValue, { ignoreUnknownFields: true }),
    specHash: row.spec_hash,
    wish: row.wish,
    rejectedBy: JSON.parse(row.rejected_by) as string[],
    reason: row.reason,
    claims: row.claims,
    createdAt: row.created_at,
    observed:
      row.observed === "" ? undefined : fromJsonString(ObservedSchema, row.observed, { ignoreUnknownFields: true }),
  };
}

/** Every service definition, with the project that holds it. */
export function servicesOf(world: Pick<World, "projects">): { project: Project; service: ServiceDefinition }[] {
  return world.projects.flatMap((project) => project.settings.services.map((service) => ({ project, service })));
}
