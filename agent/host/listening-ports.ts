// Which ports of this machine are taken, as far as /proc tells.
import { readFileSync } from "node:fs";

/** Connection states of /proc/net: TCP listens in 0A, and a bound UDP socket without a peer is in 07. */
const tables = { tcp: "0A", tcp6: "0A", udp: "07", udp6: "07" };

/** Ports on which something of the machine waits, on whatever address, IPv4 and IPv6, TCP and UDP. Empty where /proc cannot be read. */
export function listeningPorts(procRoot = "/proc"): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const [table, waiting] of Object.entries(tables)) {
    for (const line of textOf(`${procRoot}/net/${table}`).split("\n")) {
      const [, local = "", , state] = line.trim().split(/\s+/, 4);
      if (state === waiting) ports.add(Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16));
    }
  }
  return ports;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
