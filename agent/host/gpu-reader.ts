// GPUs as a port. The readers themselves (nvidia-smi, sysfs) come with their own issue; a host without one has no devices, which is no error.
import type { Device, DeviceSample } from "#proto/inventory_pb.ts";

export interface GpuReader {
  devices(): Promise<Device[]>;
  sample(): Promise<DeviceSample[]>;
}

/** For hosts without GPUs. */
export const noGpus: GpuReader = { devices: async () => [], sample: async () => [] };
