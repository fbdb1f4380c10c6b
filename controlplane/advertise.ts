// Under which names and addresses others reach this machine.
import { hostname, networkInterfaces } from "node:os";
import { isIP } from "node:net";
import type { Address } from "./config.ts";

export type Reachable = {
  /** Host of the printed address. */ readonly printed: string;
  readonly dns: string[];
  readonly ips: string[];
};

/** What was chosen comes first; this machine's own names and addresses follow, so that the certificate holds for all. */
export function reachableAs(config: { readonly advertise: readonly string[]; readonly listen: Address }): Reachable {
  const own = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(docker|br-|veth|virbr|cni|ozwald)/.test(name))
    .flatMap(([, list]) => list ?? [])
    .filter((address) => !address.internal && !address.address.startsWith("fe80"))
    .map((address) => address.address);
  const loopbackOnly = isLoopbackOnly(config.listen.host);
  const listened = ["", "0.0.0.0", "::"].includes(config.listen.host) ? [] : [config.listen.host];
  const names = [
    ...config.advertise,
    ...listened,
    ...(loopbackOnly ? [] : own),
    "127.0.0.1",
    "::1",
    "localhost",
    hostname(),
  ];
  const all = [...new Set(names.filter((name) => name !== ""))];
  return {
    printed: all[0] ?? "127.0.0.1",
    ips: all.filter((name) => isIP(name) !== 0),
    dns: all.filter((name) => isIP(name) === 0),
  };
}

function isLoopbackOnly(listenHost: string): boolean {
  return listenHost.startsWith("127.") || listenHost === "::1" || listenHost === "localhost";
}

export function formatAddress(host: string, port: number): string {
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
