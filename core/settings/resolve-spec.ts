// From a definition and a wish to complete specs: one candidate for each variety that may be tried, nothing left open but host and devices.
import { create } from "@bufbuild/protobuf";
import { type ReplicaSpec, ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { OzError } from "../errors.ts";
import { mergeLayers } from "./merge-layers.ts";
import { impliedRequires } from "./requires.ts";
import type { CandidateSpec, InstanceWish, Layer, Requires, ServiceDefinition, Settings } from "./settings.ts";
import { hintFor } from "./hint-for.ts";
import { specOfLayer } from "./spec-of-layer.ts";

/** What is asked of a service. Empty variety: every one is a candidate, in declared order. Empty profile: none. */
export type SpecWish = Pick<InstanceWish, "group" | "variety" | "profile" | "overrides"> & { instance: string };

export type CandidateLayer = { readonly variety: string; readonly requires: Requires; readonly layer: Layer };

/**
 * Complete specs in declared variety order; one when the service has no varieties or the wish names one.
 * Throws not_found (unknown variety or profile, with a suggestion), not_supported (a type that is never run),
 * settings_invalid (no image).
 */
export function candidateSpecs(
  service: ServiceDefinition,
  wish: SpecWish,
  registries: Settings["registries"],
): CandidateSpec[] {
  return candidateLayers(service, wish).map(({ variety, requires, layer }) => {
    if (layer.image === undefined || layer.image === "") {
      const what = [
        variety === "" ? "" : ` variety ${variety}`,
        wish.profile === "" ? "" : ` profile ${wish.profile}`,
      ].filter((part) => part !== "");
      throw new OzError(
        "settings_invalid",
        `service ${service.name}${what.length === 0 ? "" : ` with${what.join(" and")}`} has no image`,
        { hint: "Add image: to it." },
      );
    }
    const spec: ReplicaSpec = create(ReplicaSpecSchema, {
      ...specOfLayer(layer, requires, registries),
      instance: wish.instance,
      group: wish.group,
      service: service.name,
      variety,
      profile: wish.profile,
    });
    return { variety, requires, spec };
  });
}

/** The merged layer of each candidate, in declared variety order. Throws as candidateSpecs, but does not miss an image. */
export function candidateLayers(
  service: ServiceDefinition,
  wish: Pick<SpecWish, "variety" | "profile" | "overrides">,
): CandidateLayer[] {
  if (service.type !== "container") {
    throw new OzError("not_supported", `${service.name} is of type ${service.type}, which is listed and never run`, {
      hint: "Only services of type container run. See them all: ozctl services",
    });
  }
  const profile = named("profile", wish.profile, service.profiles, service.name);
  if (wish.variety === "" && service.varieties.length === 0)
    return [candidateOf(service, undefined, profile?.layer, wish.overrides)];
  const variety = named("variety", wish.variety, service.varieties, service.name);
  const tried = variety === undefined ? service.varieties : [variety];
  return tried.map((each) => candidateOf(service, each, profile?.layer, wish.overrides));
}

function named(
  kind: "variety" | "profile",
  name: string,
  known: readonly { name: string; layer: Layer }[],
  service: string,
): { name: string; layer: Layer } | undefined {
  if (name === "") return undefined;
  const found = known.find((each) => each.name === name);
  if (found !== undefined) return found;
  const none = `${service} has no ${kind === "variety" ? "varieties" : "profiles"}: leave it out.`;
  throw new OzError("not_found", `service ${service} has no ${kind} ${JSON.stringify(name)}`, {
    hint:
      known.length === 0
        ? none
        : hintFor(
            name,
            known.map((each) => each.name),
          ),
  });
}

function candidateOf(
  service: ServiceDefinition,
  variety: { name: string; layer: Layer } | undefined,
  profile: Layer | undefined,
  overrides: Layer | undefined,
): CandidateLayer {
  // As the original has it: a base without an image takes that of the first variety.
  const base: Layer = service.base.image
    ? service.base
    : { ...service.base, image: service.varieties[0]?.layer.image ?? "" };
  const implied = variety === undefined ? undefined : impliedRequires(variety.name);
  const layer = mergeLayers(
    base,
    implied === undefined ? undefined : { requires: implied },
    variety?.layer,
    profile,
    overrides,
  );
  return needsOf(layer, cpuOnly(implied, [variety?.layer, profile, overrides]), variety?.name ?? "");
}

/** A variety named cpu-only uses no GPU, whatever the base says, unless a layer above the base asks for one. */
function cpuOnly(implied: Requires | undefined, above: readonly (Layer | undefined)[]): boolean {
  const asks = above.some((layer) => layer?.requires?.gpu !== undefined || layer?.resources?.gpus !== undefined);
  return implied !== undefined && implied.gpu === undefined && !asks;
}

/** A GPU that is required counts as one, and one that is counted is required. */
function needsOf(layer: Layer, withoutGpu: boolean, variety: string): CandidateLayer {
  const { gpus, vramBytes, ...others } = layer.resources ?? {};
  if (withoutGpu) return { variety, requires: layer.requires ?? {}, layer: { ...layer, resources: others } };
  const wanted = gpus ?? (layer.requires?.gpu !== undefined || (vramBytes ?? 0) > 0 ? 1 : 0);
  const requires: Requires =
    wanted > 0 && layer.requires?.gpu === undefined ? { ...layer.requires, gpu: "any" } : (layer.requires ?? {});
  const resources = { ...others, gpus: wanted, ...(vramBytes === undefined ? {} : { vramBytes }) };
  return { variety, requires, layer: { ...layer, resources } };
}
