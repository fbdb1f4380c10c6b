// What doctor knows when it judges. The checks are pure functions of this; gather.ts fills it.
import type { Host } from "#proto/hosts_pb.ts";
import type { Instance } from "#proto/instances_pb.ts";
import type { Replica } from "#proto/replicas_pb.ts";
import type { GetStatusResponse } from "#proto/status_pb.ts";

/** The ways a connection can fail, in the order in which they are met. */
export const stages = ["dns", "tcp", "tls", "authority", "token"] as const;
export type Stage = (typeof stages)[number];

export type Reach = {
  /** "https://10.0.0.5:7443" or "unix:/path". */
  readonly address: string;
  /** Where it failed; unset when the control plane answered. */
  readonly failed?: { readonly stage: Stage; readonly message: string; readonly hint: string };
};

/** What the address that is printed for others shows, asked from here. */
export type PrintedAddress = {
  readonly address: string;
  /** Why nobody answered there; empty when somebody did. */
  readonly unreached: string;
  /** Names and addresses in the certificate. */
  readonly certificateNames: string;
  /** True when the certificate is for this address. */
  readonly namesIt: boolean;
  /** End of the certificate, milliseconds since 1970; unset when nothing was shown. */
  readonly endsAtMs?: number;
};

/** This machine, as far as it can be read. */
export type Here = {
  readonly hostname: string;
  /** Names of proxy variables that are set, and what stands in NO_PROXY. */
  readonly proxies: readonly string[];
  readonly noProxy: string;
  /** Name servers of resolv.conf; unset when it cannot be read. */
  readonly nameServers?: readonly string[];
  readonly openFiles?: number;
  readonly inotifyInstances?: number;
  readonly inotifyWatches?: number;
  /** Version of the NVIDIA driver; empty when there is none. */
  readonly nvidiaDriver: string;
  readonly systemd: boolean;
  /** Ports from 11000 to 11999 on which something listens; unset when it cannot be read. */
  readonly automaticPortsTaken?: number;
};

export type Facts = {
  readonly nowMs: number;
  /** Clock of the control plane minus ours, to a second; unset when not known. */
  readonly clockAheadMs?: number;
  readonly reach: Reach;
  /** Unset when the control plane was not reached. */
  readonly status?: GetStatusResponse;
  readonly printed?: PrintedAddress;
  /** Addresses of the control plane that are kept for those who have not moved; unset when it does not say. */
  readonly oldAddresses?: readonly string[];
  /** Only the one of --host, when that was said. */
  readonly hosts: readonly Host[];
  readonly instances: readonly Instance[];
  readonly unknown: readonly Replica[];
  /** Hosts whose agent is silent and whose address answers to anything. */
  readonly alive: ReadonlySet<string>;
  readonly here: Here;
};

/** The host that is this machine; undefined when this machine is none of those that are looked at. */
export function hostHere({ hosts, here }: Facts): Host | undefined {
  return hosts.find((host) => host.inventory?.hostname === here.hostname);
}
