// The form that a replica gets on the host where it is. It never moves for that: what it needs more has to be there.
import { clone, create } from "@bufbuild/protobuf";
import type { Claim } from "#proto/inventory_pb.ts";
import { type ReplicaSpec, ResourcesSchema } from "#proto/spec_pb.ts";
import { specHash } from "#core/spec-hash.ts";
import { gpuCount, type HostLoad, whyNotInPlace } from "./filters.ts";
import { bind, claimsOf } from "./place.ts";
import type { InstanceView, ReplicaView } from "./snapshot.ts";

export type InPlace =
  | { readonly fits: true; readonly spec: ReplicaSpec; readonly specHash: string; readonly claims: readonly Claim[] }
  | { readonly fits: false; readonly why: string };

/** load: its host without itself. The variety stays when the instance still allows it, and the spec when there is no form any more. */
export function specInPlace(
  { candidates }: Pick<InstanceView, "candidates">,
  before: ReplicaView,
  load: HostLoad,
): InPlace {
  const candidate = candidates.find(({ variety }) => variety === before.spec.variety) ?? candidates[0];
  const bound = (spec: ReplicaSpec, hash: string): InPlace => {
    return { fits: true, spec, specHash: hash, claims: claimsOf(spec, load.host) };
  };
  if (candidate === undefined || candidate.specHash === before.specHash) return bound(before.spec, before.specHash);
  const why = whyNotInPlace(load, candidate, before.spec);
  if (why !== undefined) return { fits: false, why };
  const count = gpuCount(candidate.requires.gpu !== undefined, candidate.spec.resources?.gpus ?? 0);
  if (count === 0) return bound(candidate.spec, candidate.specHash);
  const same = candidate.variety === before.spec.variety && count <= (before.spec.resources?.deviceIds.length ?? 0);
  const spec = same ? withDevices(candidate.spec, before.spec) : bind(load, candidate).spec;
  return bound(spec, specHash(spec));
}

/** Devices stay with a replica through a change of its spec. */
function withDevices(spec: ReplicaSpec, before: ReplicaSpec): ReplicaSpec {
  const held = before.resources;
  if (held === undefined) return spec;
  const resources = spec.resources === undefined ? create(ResourcesSchema) : clone(ResourcesSchema, spec.resources);
  resources.deviceIds = held.deviceIds;
  resources.gpuVendor = held.gpuVendor;
  return { ...spec, resources };
}
