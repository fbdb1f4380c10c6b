// Disk and RAM of each host.
import { formatBytes } from "#core/units.ts";
import { HostState } from "#proto/hosts_pb.ts";
import { type Check, everyHost, type Trouble } from "../check.ts";

const lowDiskShare = 0.1;
/** An image of a serving runtime with CUDA has 10 to 30 GiB. */
const smallDiskBytes = 50 * 2 ** 30;
const lowMemoryShare = 0.05;

/** Undefined where there is enough, and where nobody knows how much there is. A tenth of a large disk is more than enough. In bytes. */
export function littleSpace(total: number, free: number, root: string): Omit<Trouble, "subject"> | undefined {
  if (total === 0 || free >= Math.min(total * lowDiskShare, smallDiskBytes)) return undefined;
  return {
    message: `${formatBytes(free)} of ${formatBytes(total)} are free under ${root}`,
    fix: "docker system df shows what takes it; docker image prune removes images that nothing uses.",
  };
}

export const spaceChecks: readonly Check[] = [
  everyHost("disk-free", ({ state, inventory, telemetry }) => {
    const [total, free] = [Number(inventory?.diskBytes ?? 0n), telemetry?.diskFreeBytes];
    if (state !== HostState.ONLINE || free === undefined) return undefined;
    return littleSpace(total, Number(free), inventory?.engine?.root || "its images");
  }),
  everyHost("image-disk", ({ inventory }) => {
    const total = inventory?.diskBytes;
    if (total === undefined || Number(total) >= smallDiskBytes) return undefined;
    return {
      message: `images lie on a disk of ${formatBytes(total)} (${inventory?.engine?.root}); one image of a runtime may have 20 GiB`,
      fix: '{ "data-root": "/big/disk/docker" } in /etc/docker/daemon.json, move the old folder there, restart Docker while nothing runs.',
      notice: true,
    };
  }),
  everyHost("memory", ({ state, inventory, telemetry, memoryClaimedBytes }) => {
    const total = Number(inventory?.memoryBytes ?? 0n);
    if (total === 0) return undefined;
    if (Number(memoryClaimedBytes) > total) {
      return {
        message: `${formatBytes(memoryClaimedBytes)} of RAM are promised and ${formatBytes(total)} are there`,
        fix: "Lower resources.memory in the settings, or move an instance:  ozctl ps -o wide",
      };
    }
    const free = state === HostState.ONLINE ? telemetry?.memoryAvailableBytes : undefined;
    if (free === undefined || Number(free) >= total * lowMemoryShare) return undefined;
    return {
      message: `only ${formatBytes(free)} of ${formatBytes(total)} of RAM are available: the kernel may end containers`,
      fix: "ozctl ps -o wide shows who has it;  ozctl down NAME frees some.",
    };
  }),
];
