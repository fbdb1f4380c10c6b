// What the kernel says about a process: its memory by kind, and the CPU time it has used.
import { readFileSync } from "node:fs";

/** In MiB. */
export type ProcessMemory = { readonly anonymous: number; readonly rss: number; readonly pss: number };

/** As the kernel sums it up over all mappings of the process. */
export function memoryOf(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { anonymous: mib("Anonymous"), rss: mib("Rss"), pss: mib("Pss") };
}

/** CPU time of a process so far, user and kernel, in milliseconds. */
export function cpuMsOf(pid: number): number {
  // The name may hold blanks and brackets; the numbers begin behind its last bracket.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * (1000 / ticksPerSecond);
}

/** Fixed by the kernel's interface for every architecture Node runs on. */
const ticksPerSecond = 100;
