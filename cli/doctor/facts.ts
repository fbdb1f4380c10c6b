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

/** The agent of this machine, which has joined. */
export type AgentHere = {
  readonly hostId: string;
  /** Its name in the cluster. */
  readonly host: string;
  /** What it dials, or dialled last: "https://10.0.0.5:7443". */
  readonly controlPlane: string;
  /** Unset when it does not answer; silence says why. */
  readonly says?: {
    /** "ready" when it is connected; else linkReason may say why not. */
    readonly link: string;
    readonly linkReason: string;
    /** Why the container engine cannot be used; empty when it can. */
    readonly engineProblem: string;
  };
  readonly silence?: string;
};

/** This machine, as far as it can be read. */
export type Here = {
  readonly hostname: string;
  /** Undefined when this machine has not joined, or is not told so. */
  readonly agent: AgentHere | undefined;
  /** Where images lie; unset when it cannot be read. */
  readonly disk?: { readonly root: string; readonly totalBytes: number; readonly freeBytes: number };
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
  /** Unset when no control plane is known here. */
  readonly reach?: Reach;
  /** Why none is, and what to do. */
  readonly notAsked?: { readonly message: string; readonly hint: string };
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

/** The host that is this machine: by the identity of its agent, or by the host name, when one host only has that. */
export function hostHere({ hosts, here }: Facts): Host | undefined {
  if (here.agent !== undefined) return hosts.find((host) => host.id === here.agent?.hostId);
  const named = hosts.filter((host) => host.inventory?.hostname === here.hostname);
  return named.length === 1 ? named[0] : undefined;
}

/** What this machine is called, when it is a host: also while the control plane is not asked. */
export function nameHere(facts: Facts): string | undefined {
  return hostHere(facts)?.name ?? (facts.status === undefined ? facts.here.agent?.host : undefined);
}
