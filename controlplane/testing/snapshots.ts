// Small builders for what planning looks at.
import { create } from "@bufbuild/protobuf";
import { DeviceSchema, InventorySchema } from "#proto/inventory_pb.ts";
import { PortSchema, ReplicaSpecSchema, ResourcesSchema } from "#proto/spec_pb.ts";
import type { Requires } from "#core/settings/settings.ts";
import { specHash } from "#core/spec-hash.ts";
import type { HostView, InstanceView, ReplicaView } from "../schedule/snapshot.ts";

export const gib = 2 ** 30;

export function aHost(
  name: string,
  fields: {
    memory?: number;
    gpus?: { id: string; vendor: string; vram: number }[];
    images?: string[];
    runtimes?: string[];
    diskFree?: number;
  } & Partial<HostView> = {},
): HostView {
  const { memory = 16 * gib, gpus = [], images = [], runtimes = [], diskFree, ...view } = fields;
  return {
    id: `id-${name}`,
    name,
    state: "online",
    obeys: true,
    problem: "",
    diskFreeBytes: diskFree,
    inventory: create(InventorySchema, {
      memoryBytes: BigInt(memory),
      diskBytes: BigInt(100 * gib),
      images,
      engine: { runtimes },
      devices: gpus.map((gpu, index) =>
        create(DeviceSchema, {
          id: gpu.id,
          vendor: gpu.vendor,
          index,
          vramBytes: BigInt(gpu.vram),
          driverVersion: "550.1",
        }),
      ),
    }),
    ...view,
  };
}

export type SpecFields = {
  image?: string;
  variety?: string;
  memory?: number;
  gpus?: number;
  vram?: number;
  disk?: number;
  port?: number;
  env?: Record<string, string>;
};

export function aCandidate(
  instance: string,
  fields: SpecFields & { requires?: Requires } = {},
): InstanceView["candidates"][number] {
  const {
    image = `${instance}:1`,
    variety = "",
    memory = 0,
    gpus = 0,
    vram = 0,
    disk = 0,
    port,
    env = {},
    requires = {},
  } = fields;
  const spec = create(ReplicaSpecSchema, {
    instance,
    service: instance,
    group: "default",
    image,
    variety,
    environment: env,
    resources: create(ResourcesSchema, {
      memoryBytes: BigInt(memory),
      gpus,
      vramBytes: BigInt(vram),
      diskBytes: BigInt(disk),
    }),
    ports:
      port === undefined
        ? []
        : [create(PortSchema, { name: "http", containerPort: 80, hostPort: port, transport: "tcp" })],
  });
  return { variety, requires, spec, specHash: specHash(spec) };
}

export function anInstance(name: string, fields: Partial<InstanceView> & SpecFields = {}): InstanceView {
  return {
    id: `i-${name}`,
    group: "default",
    name,
    owner: "settings/p",
    service: name,
    variety: "",
    profile: "",
    replicas: 1,
    host: "",
    overridden: false,
    candidates: [aCandidate(name, fields)],
    problem: "",
    ...fields,
  };
}

export function aReplica(
  instance: InstanceView,
  host: HostView | null,
  fields: Partial<ReplicaView> = {},
): ReplicaView {
  const candidate = instance.candidates[0] ?? aCandidate(instance.name);
  return {
    id: `r-${instance.name}-${fields.slot ?? 0}`,
    instanceId: instance.id,
    group: instance.group,
    instance: instance.name,
    slot: 0,
    hostId: host?.id ?? null,
    generation: 1,
    spec: candidate.spec,
    specHash: candidate.specHash,
    wish: "run",
    rejectedBy: [],
    reason: "",
    ...fields,
  };
}
