// CPU, RAM and GPUs of a host in the shape of the original, for its REST interface and its command alike. What is not known is null,
// never 0.
import { type Host, HostState } from "#proto/hosts_pb.ts";
import type { Device, Telemetry } from "#proto/inventory_pb.ts";

export type HostResources = {
  host: string;
  total_cpu_cores: number | null;
  available_cpu_cores: number | null;
  /** GB of 2^30 bytes, as all _gb. */
  total_ram_gb: number | null;
  available_ram_gb: number | null;
  total_vram_gb: number | null;
  available_vram_gb: number | null;
  total_gpus: number | null;
  /** Ids of GPUs with less than 90 % of their VRAM in use. */
  available_gpus: number[] | null;
  gpus: GpuResources[];
};

export type GpuResources = {
  /** Position in the list. */
  id: number;
  /** MB of 2^20 bytes. */
  total_vram: number | null;
  available_vram: number | null;
  description: string;
  pci_device_description: string;
  uuid: string;
  vendor: string;
};

/** Share of a GPU's VRAM from which on it counts as taken; the original's number. */
const takenShare = 0.9;

/** Capability by which an agent says that it looked for GPUs: only then an empty list means that there are none. */
const gpuCapability = "gpus";

/** A sample of a host that is silent says nothing about now, so its live numbers are null. */
export function hostResources(host: Host): HostResources {
  const { inventory } = host;
  const telemetry = host.state === HostState.ONLINE ? host.telemetry : undefined;
  const devices = inventory?.devices ?? [];
  const known = devices.length > 0 || (inventory?.capabilities.includes(gpuCapability) ?? false);
  const free = devices.map((device) => freeVram(device, telemetry));
  const cores = inventory?.cpuCores;
  return {
    host: host.name,
    total_cpu_cores: cores ?? null,
    available_cpu_cores:
      cores === undefined || telemetry?.cpuUsed === undefined
        ? null
        : round(cores * Math.max(0, 1 - telemetry.cpuUsed)),
    total_ram_gb: gigabytes(inventory?.memoryBytes),
    available_ram_gb: gigabytes(telemetry?.memoryAvailableBytes),
    total_vram_gb: known ? gigabytes(sum(devices.map((device) => device.vramBytes))) : null,
    available_vram_gb: known ? gigabytes(sum(free)) : null,
    total_gpus: known ? devices.length : null,
    available_gpus: known ? devices.flatMap((device, id) => (isAvailable(device, free[id]) ? [id] : [])) : null,
    gpus: devices.map((device, id) => ({
      id,
      total_vram: megabytes(device.vramBytes),
      available_vram: megabytes(free[id]),
      description: device.model,
      pci_device_description: device.pciAddress,
      uuid: device.id,
      vendor: device.vendor,
    })),
  };
}

function freeVram(device: Device, telemetry: Telemetry | undefined): bigint | undefined {
  const used = telemetry?.devices.find(({ id }) => id === device.id)?.vramUsedBytes;
  if (used === undefined || device.vramBytes === undefined) return undefined;
  return used > device.vramBytes ? 0n : device.vramBytes - used;
}

function isAvailable(device: Device, free: bigint | undefined): boolean {
  if (free === undefined || !device.vramBytes) return false;
  return Number(device.vramBytes - free) < takenShare * Number(device.vramBytes);
}

/** Undefined as soon as one part is unknown. */
function sum(parts: readonly (bigint | undefined)[]): bigint | undefined {
  return parts.reduce<bigint | undefined>(
    (total, part) => (total === undefined || part === undefined ? undefined : total + part),
    0n,
  );
}

function gigabytes(bytes: bigint | undefined): number | null {
  return bytes === undefined ? null : round(Number(bytes) / 2 ** 30);
}

function megabytes(bytes: bigint | undefined): number | null {
  return bytes === undefined ? null : Math.round(Number(bytes) / 2 ** 20);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
