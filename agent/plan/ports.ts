// Automatic host ports: the lowest free one of a range, kept for the life of the replica.
import type { Port } from "#proto/spec_pb.ts";

const firstPort = 11_000;
const lastPort = 11_999;

/** "8000/tcp", the key of a published port. */
export function portKey(port: { readonly containerPort: number; readonly transport: string }): string {
  return `${port.containerPort}/${port.transport || "tcp"}`;
}

/**
 * Host port for each published port. A fixed one is taken as it is; an automatic one keeps what it had, unless somebody else has it.
 * `taken` are the ports of all other replicas and foreign holders. A port is missing from the answer when the range is used up.
 */
export function choosePorts(
  ports: readonly Port[],
  kept: Readonly<Record<string, number>>,
  taken: ReadonlySet<number>,
): Record<string, number> {
  const fixed = ports.filter((port) => port.hostPort > 0);
  const used = new Set([...taken, ...fixed.map((port) => port.hostPort)]);
  const chosen: Record<string, number> = Object.fromEntries(fixed.map((port) => [portKey(port), port.hostPort]));
  for (const port of ports.filter((each) => each.hostPort === 0)) {
    const before = kept[portKey(port)];
    const free = before !== undefined && !used.has(before) ? before : firstFree(used);
    if (free === undefined) continue;
    used.add(free);
    chosen[portKey(port)] = free;
  }
  return chosen;
}

/** Whether there is nothing to choose: each port is fixed, or was chosen before. */
export function keepsEveryPort(ports: readonly Port[], kept: Readonly<Record<string, number>>): boolean {
  return ports.every((port) => port.hostPort > 0 || kept[portKey(port)] !== undefined);
}

function firstFree(used: ReadonlySet<number>): number | undefined {
  for (let port = firstPort; port <= lastPort; port++) if (!used.has(port)) return port;
  return undefined;
}
