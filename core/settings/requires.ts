// What a host must have for a variety: known names say it by themselves, every other one with `requires`.
import type { Layer, Requires } from "./settings.ts";

const implied: Record<string, Requires> = {
  nvidia: { gpu: "nvidia", runtime: "nvidia" },
  cuda: { gpu: "nvidia", runtime: "nvidia" },
  amdgpu: { gpu: "amd" },
  amd: { gpu: "amd" },
  rocm: { gpu: "amd" },
  intel: { gpu: "intel" },
  vulkan: { gpu: "any" },
  cpu: {},
  "cpu-only": {},
};

/** Names of varieties that say what they need. */
export const knownVarieties: readonly string[] = Object.keys(implied);

/** What the name of a variety implies; undefined when it implies nothing. */
export function impliedRequires(variety: string): Requires | undefined {
  return Object.hasOwn(implied, variety) ? implied[variety] : undefined;
}

/** What a variety requires: what its layer says, else what its name implies. */
export function varietyRequires(variety: string, layer: Layer): Requires {
  return layer.requires ?? impliedRequires(variety) ?? {};
}

/** What a variety requires, for people: "gpu nvidia, runtime nvidia, driver 550"; "nothing" when any host will do. */
export function serviceRequirementText(variety: string, layer: Layer): string {
  const { gpu, runtime, driver } = varietyRequires(variety, layer);
  const parts = [
    gpu === undefined ? "" : gpu === "any" ? "any gpu" : `gpu ${gpu}`,
    runtime === undefined ? "" : `runtime ${runtime}`,
    driver === undefined ? "" : `driver ${driver}`,
  ];
  return parts.filter((part) => part !== "").join(", ") || "nothing";
}
