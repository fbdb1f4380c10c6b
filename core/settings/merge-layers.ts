// Lays variety over base and profile over variety. Pure, and associative: the order of the layers is all that counts.
import type { Layer, PortWish } from "./settings.ts";

/**
 * Base < variety < profile < overrides. Key by key: environment, properties, footprint, resources, restart, security, healthcheck,
 * ulimits. Volumes by target and ports by container port and transport: the later one wins in the place of the first. United:
 * lockers, secretKeys. Everything else is replaced as a whole by the most specific layer that says anything.
 */
export function mergeLayers(...layers: readonly (Layer | undefined)[]): Layer {
  return layers.reduce<Layer>((below, above) => (above === undefined ? below : layOver(below, above)), {});
}

function layOver(below: Layer, above: Layer): Layer {
  const merged: Layer = { ...below };
  for (const key of Object.keys(above) as (keyof Layer)[]) {
    const value = combine(key, below, above);
    if (value !== undefined) Object.assign(merged, { [key]: value });
  }
  return merged;
}

const byKeys = new Set([
  "environment",
  "properties",
  "footprint",
  "resources",
  "restart",
  "security",
  "healthcheck",
  "ulimits",
]);
const united = new Set(["lockers", "secretKeys"]);

function combine(key: keyof Layer, below: Layer, above: Layer): unknown {
  if (isEmpty(above[key], key)) return below[key];
  if (byKeys.has(key)) return { ...(below[key] as object | undefined), ...(above[key] as object) };
  if (united.has(key))
    return [...new Set([...((below[key] as string[] | undefined) ?? []), ...(above[key] as string[])])];
  if (key === "volumes") return byKey(below.volumes, above.volumes ?? [], (volume) => volume.target);
  if (key === "ports") return byKey(below.ports, above.ports ?? [], portKey);
  return above[key];
}

/** What makes two ports the same one. */
export function portKey(port: PortWish): string {
  return `${port.containerPort}/${port.transport}`;
}

function byKey<T>(below: readonly T[] | undefined, above: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map([...(below ?? []), ...above].map((item) => [keyOf(item), item])).values()];
}

/** An empty `requires` says something: nothing is required. */
function isEmpty(value: unknown, key: keyof Layer): boolean {
  if (value === undefined || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return key === "envFile" && Object.keys(value as object).length === 0;
}
