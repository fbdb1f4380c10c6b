// Lays Compose files and services over each other as Compose does: for several files, and for `extends`.
import { isMap, plainText } from "./input-map.ts";
import { Replaced, settled } from "./replaced-value.ts";

/** Keys that the later one says alone. */
const replaced = new Set(["command", "entrypoint", "test"]);
/** Lists of KEY=VALUE that may also be maps. */
const keyed = new Set(["environment", "labels", "sysctls", "args", "annotations"]);
/** Lists of names that may also be maps. */
const named = new Set(["depends_on", "networks"]);
/** Lists that may also be the one text that is in them. */
const listed = new Set(["env_file", "tmpfs"]);
/** Maps whose keys are names that people choose: a service may be called "test". */
const chosen = new Set(["services", "volumes", "networks", "secrets", "configs"]);

/** over laid on base: maps key by key, lists one after the other (volumes by target), everything else by the later one. */
export function mergeCompose(base: unknown, over: unknown, key = ""): unknown {
  if (over === undefined) return base;
  if (over instanceof Replaced || base instanceof Replaced) return over;
  if (base === undefined || base === null || over === null || replaced.has(key)) return over;
  if (keyed.has(key)) return mergeCompose(asMap(base), asMap(over));
  if (named.has(key) && Array.isArray(base) !== Array.isArray(over)) return mergeCompose(byName(base), byName(over));
  if (listed.has(key)) return mergeCompose([base].flat(), [over].flat());
  if (Array.isArray(base) && Array.isArray(over)) {
    const later = new Set(over.map((each) => identity(each, key)));
    return [...base.filter((each) => !later.has(identity(each, key))), ...over];
  }
  if (!isMap(base) || !isMap(over)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(
    Array.from(
      keys,
      (each) => [each, mergeCompose(own(base, each), own(over, each), chosen.has(key) ? "" : each)] as const,
    ),
  );
}

function own(map: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** KEY=VALUE lines as a map; a line without a value has none (null). Anything else as it is. */
export function asMap(value: unknown): unknown {
  if (!Array.isArray(value) || !value.every((each) => typeof each === "string")) return value;
  return Object.fromEntries(
    value.map((line: string) => {
      const at = line.indexOf("=");
      return at < 0 ? [line, null] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** Names as a map of which nothing is said. Anything else as it is. */
function byName(value: unknown): unknown {
  return Array.isArray(value) ? Object.fromEntries(value.map((name) => [plainText(name), {}])) : value;
}

function identity(value: unknown, key: string): string {
  if (key === "volumes") {
    const target = isMap(value) ? value["target"] : plainText(value).split(":")[1];
    if (target !== undefined) return plainText(target);
  }
  return JSON.stringify(value);
}

/** Most services in a chain of `extends`. */
const maxChain = 20;

/** A service with everything it takes from others of the same file, settled. Gives what could not be followed. */
export function withExtends(
  services: Record<string, unknown>,
  name: string,
  depth = 0,
): { value: unknown; lost: string | undefined } {
  const service = own(services, name);
  if (!isMap(service)) return { value: service, lost: undefined };
  const { extends: written, ...rest } = service;
  const from = settled(written);
  if (from === undefined) return { value: settled(rest), lost: undefined };
  const parent = isMap(from) ? from["service"] : from;
  const elsewhere = isMap(from) && from["file"] !== undefined;
  if (typeof parent !== "string" || elsewhere || !Object.hasOwn(services, parent) || depth >= maxChain) {
    return { value: settled(rest), lost: JSON.stringify(from) };
  }
  const base = withExtends(services, parent, depth + 1);
  return { value: settled(mergeCompose(base.value, rest)), lost: base.lost };
}
