// CPU, RAM and GPUs of a host in the two shapes of the original. What is not known is null, never 0.
import type * as z from "zod";
import { type Host, HostState } from "#proto/hosts_pb.ts";
import type { Device, Telemetry } from "#proto/inventory_pb.ts";
import type { hostResourcesAnswer, resourceAnswer } from "./answers.ts";

export type HostResources = z.infer<typeof hostResourcesAnswer>;
export type Resource = z.infer<typeof resourceAnswer>;

/** Share of a GPU's VRAM from which on it counts as taken; the original's number. */
const takenShare = 0.9;

/** Capability by which an agent says that it looked for GPUs: only then an empty list means that there are none. */
export const gpuCapability = "gpus";

export function hostResources(host: Host): HostResources {
  const { inventory } = host;
  // A sample of a host that is silent says nothing about now.
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

/** What is available now, one entry per resource. */
export function availableResources(host: Host): Resource[] {
  const all = hostResources(host);
  const gpuNames = all.gpus.map(({ id }) => `gpu_${id}`);
  return [
    {
      name: "cpu",
      type: "cpu",
      unit: "cores",
      value: all.available_cpu_cores,
      related_resources: null,
      extended_attributes: { total: all.total_cpu_cores, model: host.inventory?.cpuModel || null },
    },
    {
      name: "memory",
      type: "memory",
      unit: "GB",
      value: all.available_ram_gb,
      related_resources: null,
      extended_attributes: { total: all.total_ram_gb },
    },
    {
      name: "vram",
      type: "vram",
      unit: "GB",
      value: all.available_vram_gb,
      related_resources: gpuNames,
      extended_attributes: { total: all.total_vram_gb },
    },
    ...all.gpus.map((gpu): Resource => ({
      name: `gpu_${gpu.id}`,
      type: "gpu",
      unit: "MB",
      value: gpu.available_vram,
      related_resources: ["vram"],
      extended_attributes: {
        total: gpu.total_vram,
        description: gpu.description,
        pci: gpu.pci_device_description,
        uuid: gpu.uuid,
        vendor: gpu.vendor,
      },
    })),
  ];
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
