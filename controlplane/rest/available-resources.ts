// What is available on a host now, one entry per resource, as the original's REST interface has it.
import type * as z from "zod";
import { hostResources } from "#core/host-resources.ts";
import type { Host } from "#proto/hosts_pb.ts";
import type { resourceAnswer } from "./answers.ts";

/** One entry of the answer. */
export type Resource = z.infer<typeof resourceAnswer>;

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
