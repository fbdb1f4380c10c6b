// Why a host cannot take a form of a service. Cheap checks first; each answers with a reason for people, or nothing.
import { formatBytes } from "#core/units.ts";
import type { Device } from "#proto/inventory_pb.ts";
import type { Port, ReplicaSpec } from "#proto/spec_pb.ts";
import type { CandidateSpec } from "#core/settings/settings.ts";
import type { HostView, ReplicaView } from "./snapshot.ts";

/** What one placement asks for. */
export type Request = {
  readonly instance: string;
  /** Host name it is bound to; empty for any. */
  readonly host: string;
  readonly rejectedBy: readonly string[];
  /** Host it ran on before, preferred when all else is equal. */
  readonly previousHostId?: string;
};

/** A host together with what is promised on it. */
export type HostLoad = { readonly host: HostView; readonly held: readonly ReplicaView[] };

type Filter = (load: HostLoad, candidate: CandidateSpec, request: Request) => string | undefined;

const bound: Filter = ({ host }, _candidate, request) =>
  request.host !== "" && request.host !== host.name ? `${request.instance} is bound to ${request.host}` : undefined;

const answers: Filter = ({ host }) => {
  if (host.state === "online" && host.obeys) return undefined;
  if (host.state === "expected") return "has not joined yet";
  return host.problem || `is ${host.state}`;
};

const engine: Filter = ({ host }) =>
  host.inventory?.engine?.error ? `container engine: ${host.inventory.engine.error}` : undefined;

const rejected: Filter = ({ host }, _candidate, request) =>
  request.rejectedBy.includes(host.id) ? "turned it down" : undefined;

const gpu: Filter = (load, { requires, spec }) => {
  const count = gpuCount(requires.gpu !== undefined, spec.resources?.gpus ?? 0);
  if (count === 0) return undefined;
  const vendor = requires.gpu === "any" ? "" : (requires.gpu ?? spec.resources?.gpuVendor ?? "");
  const fitting = (load.host.inventory?.devices ?? []).filter((device) => vendor === "" || device.vendor === vendor);
  if (fitting.length === 0) return `no ${vendor === "" ? "" : `${vendor} `}GPU`;
  const free = freeDevices(load, vendor);
  if (free.length >= count) return vramMiss(free, count, Number(spec.resources?.vramBytes ?? 0n));
  const holders = load.held
    .filter((replica) => (replica.spec.resources?.deviceIds.length ?? 0) > 0)
    .map((replica) => replica.instance);
  return `needs ${count} GPU${count === 1 ? "" : "s"}, ${free.length} free; held by ${[...new Set(holders)].join(", ")}`;
};

const runtime: Filter = ({ host }, { requires }) =>
  requires.runtime !== undefined && !(host.inventory?.engine?.runtimes ?? []).includes(requires.runtime)
    ? `the container engine has no ${requires.runtime} runtime (install its container toolkit)`
    : undefined;

const driver: Filter = ({ host }, { requires }) => {
  const found = host.inventory?.devices.find(
    (device) => requires.gpu === "any" || device.vendor === requires.gpu,
  )?.driverVersion;
  if (requires.driver === undefined || found === undefined || found === "") return undefined;
  return compareVersions(found, requires.driver) < 0 ? `driver ${found} is older than ${requires.driver}` : undefined;
};

const memory: Filter = (load, { spec }) => {
  const need = Number(spec.resources?.memoryBytes ?? 0n);
  const total = load.host.inventory?.memoryBytes;
  if (need === 0 || total === undefined) return undefined;
  const free = Number(total) - claimedMemory(load.held);
  if (need <= free) return undefined;
  const even = need > Number(total) ? `, even empty by ${formatBytes(need - Number(total))}` : "";
  return `needs ${formatBytes(need)} RAM, misses by ${formatBytes(need - free)}${even}${holdersOf(load.held)}`;
};

const disk: Filter = ({ host }, { spec }) => {
  const need = Number(spec.resources?.diskBytes ?? 0n);
  const total = Number(host.inventory?.diskBytes ?? 0n);
  const free = host.diskFreeBytes;
  if (free === undefined) return undefined;
  if (need > free) return `needs ${formatBytes(need)} disk, misses by ${formatBytes(need - free)}`;
  return total > 0 && free < total * 0.02 ? `its disk is nearly full (${formatBytes(free)} free)` : undefined;
};

const port: Filter = ({ held }, { spec }) => {
  for (const wanted of spec.ports.filter((p) => p.hostPort !== 0)) {
    const holder = held.find((replica) =>
      replica.spec.ports.some((p) => p.hostPort === wanted.hostPort && p.transport === wanted.transport),
    );
    if (holder !== undefined) return `port ${wanted.hostPort} is held by ${holder.instance}`;
  }
  return undefined;
};

const filters: readonly Filter[] = [bound, answers, rejected, engine, gpu, runtime, driver, port, memory, disk];

/** Why the host cannot take the candidate; undefined when it can. */
export function whyNot(load: HostLoad, candidate: CandidateSpec, request: Request): string | undefined {
  for (const filter of filters) {
    const reason = filter(load, candidate, request);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/**
 * Why a replica cannot have another form on the host where it is; undefined when it can. load: without itself. Only what the form needs
 * beyond what it has is looked at: a host that became smaller is no reason to refuse another environment.
 */
export function whyNotInPlace(load: HostLoad, candidate: CandidateSpec, before: ReplicaSpec): string | undefined {
  const { spec, requires } = candidate;
  const [has, needs] = [before.resources, spec.resources];
  const otherHardware =
    before.variety !== candidate.variety ||
    gpuCount(requires.gpu !== undefined, needs?.gpus ?? 0) > (has?.deviceIds.length ?? 0) ||
    (needs?.vramBytes ?? 0n) > (has?.vramBytes ?? 0n);
  const kept = new Set(before.ports.map(fixedPort));
  const checks = [
    ...(otherHardware ? [gpu, runtime, driver] : []),
    ...(spec.ports.some((each) => !kept.has(fixedPort(each))) ? [port] : []),
    ...((needs?.memoryBytes ?? 0n) > (has?.memoryBytes ?? 0n) ? [memory] : []),
  ];
  const request = { instance: spec.instance, host: "", rejectedBy: [] };
  return checks.map((check) => check(load, candidate, request)).find((reason) => reason !== undefined);
}

function fixedPort({ hostPort, transport }: Port): string {
  return `${hostPort}/${transport}`;
}

/** GPUs a form needs: what it says, else one when it requires a GPU at all. */
export function gpuCount(requiresGpu: boolean, written: number): number {
  return written > 0 ? written : requiresGpu ? 1 : 0;
}

/** Devices of a vendor (empty for any) that no replica on the host holds, smallest VRAM first. Unlike devices are never summed. */
export function freeDevices(load: HostLoad, vendor: string): Device[] {
  const held = new Set(load.held.flatMap((replica) => replica.spec.resources?.deviceIds ?? []));
  return (load.host.inventory?.devices ?? [])
    .filter((device) => (vendor === "" || device.vendor === vendor) && !held.has(device.id) && device.problem === "")
    .toSorted((a, b) => Number((a.vramBytes ?? 0n) - (b.vramBytes ?? 0n)) || a.index - b.index);
}

/** RAM promised to replicas, in bytes. */
export function claimedMemory(held: readonly ReplicaView[]): number {
  return held.reduce((sum, replica) => sum + Number(replica.spec.resources?.memoryBytes ?? 0n), 0);
}

function vramMiss(free: readonly Device[], count: number, need: number): string | undefined {
  if (need === 0) return undefined;
  const large = free.filter((device) => Number(device.vramBytes ?? 0n) >= need);
  if (large.length >= count) return undefined;
  const best = Number(free.at(-1)?.vramBytes ?? 0n);
  return `needs ${formatBytes(need)} VRAM on one GPU, misses by ${formatBytes(need - best)}`;
}

function holdersOf(held: readonly ReplicaView[]): string {
  const largest = held
    .filter((replica) => Number(replica.spec.resources?.memoryBytes ?? 0n) > 0)
    .toSorted((a, b) => Number((b.spec.resources?.memoryBytes ?? 0n) - (a.spec.resources?.memoryBytes ?? 0n)))
    .slice(0, 3)
    .map((replica) => `${replica.instance} holds ${formatBytes(replica.spec.resources?.memoryBytes ?? 0n)}`);
  return largest.length === 0 ? "" : `; ${largest.join(", ")}`;
}

/** Compares dotted versions number by number. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split("."), b.split(".")];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (Number.parseInt(left[i] ?? "0", 10) || 0) - (Number.parseInt(right[i] ?? "0", 10) || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
