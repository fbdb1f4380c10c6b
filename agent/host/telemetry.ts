// Live numbers of this host, one sample at a time.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "#core/clock.ts";
import { TelemetrySchema, type DeviceSample, type Telemetry } from "#proto/inventory_pb.ts";
import type { GpuReader } from "./gpu-reader.ts";
import { diskSpace, memoryField, processorShare, processorTime, readText, type ProcessorTime } from "./proc-files.ts";

export type TelemetryPorts = {
  readonly clock: Clock;
  readonly gpu: GpuReader;
  /** Folder in which the engine keeps images; empty for unknown. */
  readonly diskPath: string;
  /** Default /proc. */
  readonly procRoot?: string;
};

/** Samples are taken one after the other. Processor use is that since the sample before; the first one has none. */
export function createTelemetry(ports: TelemetryPorts): { sample(): Promise<Telemetry> } {
  const proc = ports.procRoot ?? "/proc";
  let before: ProcessorTime | undefined;
  return {
    async sample() {
      const [stat, meminfo, disk, devices] = await Promise.all([
        readText(`${proc}/stat`),
        readText(`${proc}/meminfo`),
        diskSpace(ports.diskPath),
        // A GPU that cannot be read must not hide the rest; the inventory warns about it.
        ports.gpu.sample().catch((): DeviceSample[] => []),
      ]);
      const now = processorTime(stat ?? "");
      const cpuUsed = processorShare(before, now);
      before = now;
      const memory = memoryField(meminfo ?? "", "MemAvailable");
      return create(TelemetrySchema, {
        at: timestampFromMs(ports.clock.now()),
        ...(cpuUsed !== undefined && { cpuUsed }),
        ...(memory !== undefined && { memoryAvailableBytes: memory }),
        ...(disk !== undefined && { diskFreeBytes: disk.freeBytes }),
        devices,
      });
    },
  };
}
