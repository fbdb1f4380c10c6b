// Facts of a cluster in which all is well, for tests of doctor's checks.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Host, HostSchema, HostState } from "#proto/hosts_pb.ts";
import { type Instance, InstanceSchema } from "#proto/instances_pb.ts";
import { InventorySchema } from "#proto/inventory_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { GetStatusResponseSchema } from "#proto/status_pb.ts";
import type { Check, Trouble } from "../doctor/check.ts";
import type { Facts } from "../doctor/facts.ts";

export const nowMs = Date.UTC(2026, 10, 21, 12);
export const GiB = 2n ** 30n;

export type HostInit = Omit<MessageInitShape<typeof HostSchema>, "inventory" | "$typeName"> & {
  inventory?: MessageInitShape<typeof InventorySchema>;
};

/** devbox, online, with 64 GiB of RAM and a well engine; what is given replaces whole fields, of the inventory too. */
export function sampleHost({ inventory = {}, ...more }: HostInit = {}): Host {
  return create(HostSchema, {
    ...{ id: "h1", name: "devbox", state: HostState.ONLINE, agentVersion: "0.1.0", address: "10.0.0.7" },
    telemetry: { at: timestampFromMs(nowMs - 5_000), memoryAvailableBytes: 40n * GiB, diskFreeBytes: 300n * GiB },
    inventory: create(InventorySchema, {
      ...{ hostname: "devbox", memoryBytes: 64n * GiB, diskBytes: 500n * GiB, engine: sampleEngine },
      ...(inventory as object),
    }),
    ...more,
  });
}

export const sampleEngine = {
  ...{ name: "docker", version: "28.5.1", cgroupDriver: "systemd", runtimes: ["runc"], liveRestore: true },
  root: "/var/lib/docker",
};

export const nvidiaDevice = { id: "GPU-1", vendor: "nvidia", model: "RTX 4090", driverVersion: "570.86" };

/** One instance with one replica in that state. */
export function sampleInstance(state: ReplicaState, reason = "", name = "web", group = "default"): Instance {
  return create(InstanceSchema, { name, group, units: [{ id: "r1", instance: name, host: "devbox", state, reason }] });
}

export const wellFacts: Facts = {
  nowMs,
  clockAheadMs: 0,
  reach: { address: "https://10.0.0.5:7443" },
  status: create(GetStatusResponseSchema, {
    ...{ version: "0.1.0", address: "https://10.0.0.5:7443", hosts: 1, hostsOnline: 1 },
    checks: [{ name: "store", ok: true }],
  }),
  printed: {
    ...{ address: "https://10.0.0.5:7443", unreached: "", certificateNames: "IP Address:10.0.0.5", namesIt: true },
    endsAtMs: nowMs + 60 * 86_400_000,
  },
  oldAddresses: [],
  hosts: [sampleHost()],
  instances: [sampleInstance(ReplicaState.READY)],
  unknown: [],
  alive: new Set(),
  here: {
    agent: {
      ...{ hostId: "h1", host: "devbox", controlPlane: "https://10.0.0.5:7443" },
      says: { link: "ready", linkReason: "", engineProblem: "" },
    },
    disk: { root: "/var/lib/docker", totalBytes: 500 * 2 ** 30, freeBytes: 300 * 2 ** 30 },
    ...{ hostname: "devbox", proxies: [], noProxy: "", nameServers: ["10.0.0.1"], openFiles: 65_536 },
    ...{ inotifyInstances: 1_024, inotifyWatches: 524_288, nvidiaDriver: "", systemd: true, automaticPortsTaken: 3 },
  },
};

/** What one check finds when these facts differ from the well ones. */
export function look(checks: readonly Check[], name: string, change: Partial<Facts>): readonly Trouble[] | undefined {
  const check = checks.find((one) => one.name === name);
  if (check === undefined) throw new Error(`there is no check ${name}`);
  return check.look({ ...wellFacts, ...change });
}
