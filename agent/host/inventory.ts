// The facts of this host: what it is, what it has, what a person should look at.
import { create } from "@bufbuild/protobuf";
import { formatBytes } from "#core/units.ts";
import { InventorySchema, type Device, type Engine, type Inventory } from "#proto/inventory_pb.ts";
import { hostname } from "node:os";
import { cpuModel } from "./cpu-model.ts";
import type { GpuReader } from "./gpu-reader.ts";
import { diskSpace, memoryField, osReleaseField, processorFacts, readText, type DiskSpace } from "./proc-files.ts";

/** The part of the container engine that inventory needs. */
export type EngineFacts = { facts(): Promise<Engine>; images(): Promise<string[]> };

export type InventoryPorts = {
  readonly engine: EngineFacts;
  readonly gpu: GpuReader;
  /** Default /proc. */
  readonly procRoot?: string;
  /** Folder that holds os-release. Default /etc, then /usr/lib. */
  readonly osReleaseFiles?: readonly string[];
  /** Default: the machine's. */
  readonly hostname?: string;
  /** Default: the machine's, in Node's words. */
  readonly architecture?: string;
  /** What this agent can do, by name. Default logs and exec. */
  readonly capabilities?: readonly string[];
  /** Name of the processor, asked when /proc/cpuinfo has none. Default: systeminformation. */
  readonly cpuModel?: () => Promise<string>;
  /** Space of the file system under a path. Default: asks the kernel. */
  readonly diskSpace?: (path: string) => Promise<DiskSpace | undefined>;
};

const mostImages = 500;
/** Below this share the engine is near to failing in ways that it does not report. */
const lowDiskShare = 0.1;
const osReleaseFiles = ["/etc/os-release", "/usr/lib/os-release"];

/** Never throws for something that cannot be read: unknown stays unset, and a broken part becomes a warning. */
export async function readInventory(ports: InventoryPorts): Promise<Inventory> {
  const proc = ports.procRoot ?? "/proc";
  const warnings: string[] = [];
  const [engine, osRelease, kernel, cpuinfo, meminfo, kernelHostname] = await Promise.all([
    ports.engine.facts(),
    firstText(ports.osReleaseFiles ?? osReleaseFiles),
    readText(`${proc}/sys/kernel/osrelease`),
    readText(`${proc}/cpuinfo`),
    readText(`${proc}/meminfo`),
    readText(`${proc}/sys/kernel/hostname`),
  ]);
  const disk = await (ports.diskSpace ?? diskSpace)(engine.root);
  const devices = await readDevices(ports.gpu, warnings);
  const images = engine.error === "" ? await readImages(ports.engine, warnings) : [];
  const processors = processorFacts(cpuinfo ?? "");
  const memory = memoryField(meminfo ?? "", "MemTotal");
  warnings.push(...engineWarnings(engine), ...diskWarnings(engine, disk), ...devices.flatMap(deviceWarning));
  return create(InventorySchema, {
    hostname: ports.hostname ?? (kernelHostname?.trim() || hostname()),
    os: osReleaseField(osRelease ?? "", "PRETTY_NAME") ?? "",
    kernel: kernel?.trim() ?? "",
    architecture: ports.architecture ?? process.arch,
    cpuModel: processors.model || (await (ports.cpuModel ?? cpuModel)()),
    ...(processors.cores !== undefined && { cpuCores: processors.cores }),
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(disk !== undefined && { diskBytes: disk.totalBytes }),
    engine,
    devices,
    images: images.slice(0, mostImages),
    capabilities: [...(ports.capabilities ?? ["exec", "logs"])],
    warnings,
  });
}

async function readDevices(gpu: GpuReader, warnings: string[]): Promise<Device[]> {
  try {
    return await gpu.devices();
  } catch (thrown) {
    warnings.push(`The GPUs cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return [];
  }
}

async function readImages(engine: EngineFacts, warnings: string[]): Promise<string[]> {
  try {
    return await engine.images();
  } catch (thrown) {
    warnings.push(`The images cannot be listed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return [];
  }
}

function engineWarnings(engine: Engine): string[] {
  if (engine.error !== "") return [`The container engine cannot be used: ${engine.error}`];
  if (engine.liveRestore) return [];
  return [
    'A restart of Docker will stop every container: live-restore is off. Turn it on: { "live-restore": true } in /etc/docker/daemon.json, then systemctl reload docker.',
  ];
}

function diskWarnings(engine: Engine, disk: DiskSpace | undefined): string[] {
  if (disk === undefined || disk.totalBytes === 0n) return [];
  const share = Number(disk.freeBytes) / Number(disk.totalBytes);
  if (share >= lowDiskShare) return [];
  const free = `${formatBytes(disk.freeBytes)} of ${formatBytes(disk.totalBytes)} free`;
  return [`The disk under ${engine.root} is nearly full: ${free}. See what takes it: docker system df.`];
}

function deviceWarning(device: Device): string[] {
  return device.problem === "" ? [] : [`GPU ${device.index} (${device.model}): ${device.problem}`];
}

async function firstText(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readText(path);
    if (text !== undefined) return text;
  }
  return undefined;
}
