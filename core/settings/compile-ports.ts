// Ports, in the short form of Compose and in the long one. Nothing leaves the loopback address unless it is written.
import * as z from "zod";
import { portKey } from "./merge-layers.ts";
import { elementsOf } from "./fitting.ts";
import { type Place, type ProblemList } from "./problem.ts";
import type { WrittenPort } from "./schema-layer.ts";
import type { PortWish } from "./settings.ts";

export const loopback = "127.0.0.1";

/** Ports of one layer, in the order written. Wrong ones are reported and left out. A name that was not written is empty. */
export function compilePorts(
  written: readonly (string | number | WrittenPort)[],
  place: Place,
  problems: ProblemList,
): PortWish[] {
  const ports: PortWish[] = [];
  for (const { value: entry, place: at } of elementsOf(written, place)) {
    const port = typeof entry === "object" ? fromMap(entry) : fromText(String(entry), at, problems);
    if (port === undefined) continue;
    const same = ports.find((other) => portKey(other) === portKey(port));
    const clash = ports.find((other) => samePublished(other, port));
    const namesake = ports.find((other) => other.name !== "" && other.name === port.name);
    if (same !== undefined) problems.add(at, `port ${portKey(port)} is published twice`, "Keep one of them.");
    else if (clash !== undefined)
      problems.add(
        at,
        `host port ${port.hostPort} is taken by ${portKey(clash)} above`,
        "Choose another, or leave it out to have one chosen.",
      );
    else if (namesake !== undefined) problems.add(at, `two ports are named ${port.name}`, "Give each its own name.");
    else ports.push(port);
  }
  return ports;
}

function fromMap(written: WrittenPort): PortWish {
  const transport = written.transport ?? "tcp";
  return {
    name: written.name ?? "",
    containerPort: written.container_port,
    hostPort: written.host_port ?? 0,
    hostAddress: written.host_address ?? loopback,
    transport,
    protocol: written.protocol ?? defaultProtocol(transport),
  };
}

function defaultProtocol(transport: "tcp" | "udp"): string {
  return transport === "udp" ? "udp" : "http";
}

const shortForm =
  /^(?:(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<v4>[^:[\]]*)):)?(?:(?<host>\d*):)?(?<container>\d+)(?:\/(?<transport>[a-z]+))?$/;

function fromText(written: string, place: Place, problems: ProblemList): PortWish | undefined {
  const hint = 'Write "8000", "8080:8000", "127.0.0.1:8080:8000" or "53:53/udp".';
  const parts = shortForm.exec(written)?.groups;
  if (parts === undefined)
    return problems.add(
      place,
      `${JSON.stringify(written)} is no port`,
      /\d-\d/.test(written) ? "Ranges are not supported: write each port." : hint,
    );
  let [address, host] = [parts["v6"] ?? parts["v4"], parts["host"]];
  // "8080:8000" reads as an address by the grammar when there is no third part.
  if (host === undefined && address !== undefined && /^\d*$/.test(address)) [address, host] = [undefined, address];
  const [containerPort, hostPort, transport] = [
    Number(parts["container"]),
    Number(host ?? ""),
    parts["transport"] ?? "tcp",
  ];
  if (transport !== "tcp" && transport !== "udp")
    return problems.add(place, `unknown transport ${JSON.stringify(transport)}`, "It is tcp or udp.");
  if (containerPort < 1 || containerPort > 65_535 || hostPort > 65_535)
    return problems.add(place, `${JSON.stringify(written)} has a port outside 1 to 65535`, hint);
  if (address !== undefined && !z.union([z.ipv4(), z.ipv6()]).safeParse(address).success) {
    return problems.add(place, `${JSON.stringify(address)} is no IP address`, hint);
  }
  return {
    name: "",
    containerPort,
    hostPort,
    hostAddress: address ?? loopback,
    transport,
    protocol: defaultProtocol(transport),
  };
}

const everywhere = new Set(["0.0.0.0", "::"]);

/** True when two ports cannot be published on one host. */
export function samePublished(a: PortWish, b: PortWish): boolean {
  if (a.hostPort === 0 || a.hostPort !== b.hostPort || a.transport !== b.transport) return false;
  return a.hostAddress === b.hostAddress || everywhere.has(a.hostAddress) || everywhere.has(b.hostAddress);
}
