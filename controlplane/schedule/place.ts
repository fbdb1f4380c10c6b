// Finds a host and a form for one replica, or says of every candidate why not.
import { clone, create } from "@bufbuild/protobuf";
import { type Claim, ClaimSchema } from "#proto/inventory_pb.ts";
import { type Candidate, CandidateSchema } from "#proto/settings_pb.ts";
import { type ReplicaSpec, ReplicaSpecSchema } from "#proto/spec_pb.ts";
import type { CandidateSpec } from "#core/settings/settings.ts";
import { freeDevices, gpuCount, type HostLoad, type Request, whyNot } from "./filters.ts";
import { type Option, rank, type Strategy } from "./rank.ts";
import type { HostView } from "./snapshot.ts";

export type Placement = {
  readonly hostId: string;
  readonly host: string;
  readonly variety: string;
  readonly spec: ReplicaSpec;
  readonly claims: readonly Claim[];
  readonly candidates: readonly Candidate[];
};
export type Refusal = { readonly hostId: null; readonly candidates: readonly Candidate[]; readonly reason: string };

/** Every (host, form) pair is looked at; those that fit come first, best first, then the others with what they miss. */
export function place(
  loads: readonly HostLoad[],
  candidates: readonly CandidateSpec[],
  request: Request,
  strategy: Strategy,
): Placement | Refusal {
  const options: (Option & { candidate: CandidateSpec })[] = [];
  const refused: Candidate[] = [];
  for (const [varietyIndex, candidate] of candidates.entries()) {
    for (const load of loads) {
      const reason = whyNot(load, candidate, request);
      if (reason === undefined) options.push({ load, varietyIndex, image: candidate.spec.image, candidate });
      else if (request.host === "" || load.host.name === request.host)
        refused.push(
          create(CandidateSchema, { host: load.host.name, variety: candidate.variety, fits: false, reason }),
        );
    }
  }
  const ranked = rank(options, request, strategy) as typeof options;
  const best = ranked[0];
  const listed = [
    ...ranked.map((o) => create(CandidateSchema, { host: o.load.host.name, variety: o.candidate.variety, fits: true })),
    ...refused,
  ];
  if (best === undefined) return { hostId: null, candidates: listed, reason: refusalReason(loads, refused, request) };
  return {
    hostId: best.load.host.id,
    host: best.load.host.name,
    variety: best.candidate.variety,
    candidates: listed,
    ...bind(best.load, best.candidate),
  };
}

/** The form with exact devices, and what it is promised. */
export function bind(load: HostLoad, candidate: CandidateSpec): { spec: ReplicaSpec; claims: Claim[] } {
  const spec = clone(ReplicaSpecSchema, candidate.spec);
  const { resources } = spec;
  const count = gpuCount(candidate.requires.gpu !== undefined, resources?.gpus ?? 0);
  if (resources !== undefined && count > 0) {
    const vendor = candidate.requires.gpu === "any" ? "" : (candidate.requires.gpu ?? resources.gpuVendor);
    const devices = freeDevices(load, vendor)
      .filter((device) => (device.vramBytes ?? 0n) >= resources.vramBytes)
      .slice(0, count);
    resources.deviceIds = devices.map((device) => device.id);
    resources.gpuVendor = devices[0]?.vendor ?? vendor;
  }
  return { spec, claims: claimsOf(spec, load.host) };
}

/** What a spec with exact devices is promised on its host. */
export function claimsOf({ resources }: ReplicaSpec, host: HostView): Claim[] {
  if (resources === undefined) return [];
  const claim = (resource: string, bytes: bigint) => create(ClaimSchema, { resource, bytes, origin: "declared" });
  const vramOf = (id: string) => host.inventory?.devices.find((device) => device.id === id)?.vramBytes ?? 0n;
  return [
    ...(resources.memoryBytes > 0n ? [claim("ram", resources.memoryBytes)] : []),
    ...resources.deviceIds.map((id) => claim(id, resources.vramBytes || vramOf(id))),
  ];
}

function refusalReason(loads: readonly HostLoad[], refused: readonly Candidate[], request: Request): string {
  if (loads.length === 0) return "no host has joined yet";
  if (request.host !== "" && !loads.some((load) => load.host.name === request.host)) return `no host ${request.host}`;
  const first = refused[0];
  if (first === undefined) return "no host fits";
  const others = new Set(refused.map((candidate) => candidate.host)).size - 1;
  return `${first.host}: ${first.reason}${others > 0 ? `, and ${others} other host${others === 1 ? "" : "s"} will not do either` : ""}`;
}
