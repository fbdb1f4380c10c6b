// What the fake backend of the REST tests knows.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HostSchema, HostState } from "#proto/hosts_pb.ts";
import { InstanceSchema } from "#proto/instances_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { ServiceSchema } from "#proto/services_pb.ts";

export const definition = {
  name: "qwen",
  group: "default",
  type: "container",
  description: "Qwen",
  base: {
    environment: { MODEL: "m", HF_TOKEN: "hf_secret" },
    properties: { a: 1, b: 1 },
    volumes: [{ kind: "bind", source: "/srv", target: "/models", readOnly: true }],
  },
  varieties: [
    { name: "nvidia", layer: { image: "qwen.nvidia", environment: { GPU: "true" } } },
    { name: "cpu-only", layer: { image: "qwen.cpu", properties: { b: 2 } } },
  ],
  profiles: [{ name: "no-gpu", layer: { environment: { MAX_MODEL_LEN: "45000" } } }],
};

export const service = create(ServiceSchema, {
  project: "default",
  group: "default",
  name: "qwen",
  type: "container",
  description: "Qwen",
  definitionJson: JSON.stringify(definition),
});

export const instances = [
  create(InstanceSchema, {
    name: "qwen",
    group: "default",
    service: "qwen",
    replicas: 1,
    owner: "dynamic",
    units: [
      {
        id: "r1",
        instance: "qwen",
        group: "default",
        host: "devbox",
        state: ReplicaState.READY,
        since: timestampFromMs(1_000_000),
        service: "qwen",
        variety: "cpu-only",
        profile: "no-gpu",
        observed: {
          container: "qwen.1",
          pid: 7,
          endpoints: [{ name: "http", address: "10.0.0.9", port: 11000, containerPort: 8000, protocol: "http" }],
        },
      },
    ],
  }),
  create(InstanceSchema, {
    name: "broken",
    group: "default",
    service: "other",
    replicas: 1,
    owner: "settings/shop",
    units: [{ state: ReplicaState.FAILED, reason: "exit code 1", host: "devbox", since: timestampFromMs(2_000_000) }],
  }),
  create(InstanceSchema, {
    name: "leaving",
    group: "default",
    service: "other",
    replicas: 0,
    units: [{ state: ReplicaState.STOPPING }, { state: ReplicaState.STOPPED }],
  }),
  create(InstanceSchema, {
    name: "new",
    group: "default",
    service: "qwen",
    variety: "nvidia",
    replicas: 1,
    owner: "dynamic",
  }),
  create(InstanceSchema, {
    name: "down",
    group: "default",
    service: "qwen",
    replicas: 1,
    owner: "settings/shop",
    overridden: true,
  }),
];

export const gib = 2n ** 30n;
export const hosts = [
  create(HostSchema, {
    name: "devbox",
    state: HostState.ONLINE,
    address: "10.0.0.9:40112",
    inventory: { cpuCores: 2, memoryBytes: 24n * gib },
    telemetry: { cpuUsed: 0.25, memoryAvailableBytes: 12n * gib },
  }),
  create(HostSchema, {
    name: "tower",
    state: HostState.ONLINE,
    inventory: {
      cpuCores: 16,
      devices: [
        { id: "GPU-a", vendor: "nvidia", model: "RTX 4090", pciAddress: "01:00.0", vramBytes: 24n * gib },
        { id: "GPU-b", vendor: "nvidia", model: "RTX 4090", pciAddress: "02:00.0", vramBytes: 24n * gib },
      ],
    },
    telemetry: {
      devices: [
        { id: "GPU-a", vramUsedBytes: 23n * gib },
        { id: "GPU-b", vramUsedBytes: 4n * gib },
      ],
    },
  }),
  create(HostSchema, {
    name: "silent",
    state: HostState.OFFLINE,
    inventory: { cpuCores: 8, memoryBytes: gib },
    telemetry: { cpuUsed: 0, memoryAvailableBytes: gib },
  }),
];
