// Reads the few kernel files that inventory and telemetry need. Unknown is undefined, never 0.
import { readFile, statfs } from "node:fs/promises";

const bytesPerKiB = 1024;

/** Text of a file, undefined when it cannot be read. */
export async function readText(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

/** Bytes of one line of /proc/meminfo, for example "MemTotal". */
export function memoryField(meminfo: string, field: string): bigint | undefined {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(meminfo);
  return match === null ? undefined : BigInt(match[1] ?? 0) * BigInt(bytesPerKiB);
}

export type ProcessorFacts = { readonly model: string; readonly cores: number | undefined };

/** Model and number of logical processors from /proc/cpuinfo. Arm says no model name; then the implementer and part are given. */
export function processorFacts(cpuinfo: string): ProcessorFacts {
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.+)$`, "m").exec(cpuinfo)?.[1]?.trim();
  const cores = cpuinfo.match(/^processor\s*:/gm)?.length;
  const arm = field("CPU implementer");
  const model =
    field("model name") ?? field("Model") ?? (arm === undefined ? "" : `Arm ${arm} ${field("CPU part") ?? ""}`.trim());
  return { model, cores };
}

/** Time that all processors spent since the start of the machine, in the kernel's ticks. */
export type ProcessorTime = { readonly busy: number; readonly total: number };

/** From the first line of /proc/stat. Waiting for disks counts as idle; guests are part of user already. */
export function processorTime(stat: string): ProcessorTime | undefined {
  const match = /^cpu\s+(.+)$/m.exec(stat);
  const ticks = match?.[1]?.trim().split(/\s+/).slice(0, 8).map(Number);
  if (ticks === undefined || ticks.length < 4 || ticks.some((n) => !Number.isFinite(n))) return undefined;
  const total = ticks.reduce((sum, n) => sum + n, 0);
  return { total, busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
}

/** Share of the processors in use between two readings, 0 to 1; undefined when no time passed or the counters ran backwards. */
export function processorShare(
  before: ProcessorTime | undefined,
  after: ProcessorTime | undefined,
): number | undefined {
  if (before === undefined || after === undefined || after.total <= before.total || after.busy < before.busy)
    return undefined;
  return Math.min(1, (after.busy - before.busy) / (after.total - before.total));
}

/** Value of a key in os-release form. */
export function osReleaseField(text: string, key: string): string | undefined {
  const match = new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1]?.trim();
  return match?.replace(/^(["'])(.*)\1$/, "$2").replaceAll(/\\(.)/g, "$1");
}

export type DiskSpace = { readonly totalBytes: bigint; readonly freeBytes: bigint };

/** Size and free space (for programs without privileges) of the file system under a path; undefined when there is none. */
export async function diskSpace(path: string): Promise<DiskSpace | undefined> {
  if (path === "") return undefined;
  const stats = await statfs(path, { bigint: true }).catch(() => undefined);
  return stats && { totalBytes: stats.blocks * stats.bsize, freeBytes: stats.bavail * stats.bsize };
}
