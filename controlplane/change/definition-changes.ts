// What an apply changes of definitions that never run (source files and the like): nothing is started for them, so the plan says it in a line each.
import { mask, maskEnvironment } from "#core/secret.ts";
import type { ServiceDefinition, Settings } from "#core/settings/settings.ts";

/** One line per definition that is new, changed or gone; secret values hidden. Pure. */
export function definitionChanges(before: Settings | undefined, after: Settings): string[] {
  const old = new Map((before?.services ?? []).filter(isPassive).map((service) => [key(service), service]));
  const now = new Map(after.services.filter(isPassive).map((service) => [key(service), service]));
  const added = [...now.values()]
    .filter((s) => !old.has(key(s)))
    .map((s) => `${label(s)} is new; it is listed, nothing runs for it`);
  const gone = [...old.values()].filter((s) => !now.has(key(s))).map((s) => `${label(s)} goes`);
  const changed = [...now.values()].flatMap((s) => {
    const was = old.get(key(s));
    if (was === undefined || JSON.stringify(was) === JSON.stringify(s)) return [];
    return [`${label(s)} changes: ${environmentChanges(was, s) || "its definition"}`];
  });
  return [...added, ...changed, ...gone];
}

function isPassive({ type }: ServiceDefinition): boolean {
  return type !== "container";
}

function key({ group, name }: ServiceDefinition): string {
  return `${group}/${name}`;
}

function label({ name, type }: ServiceDefinition): string {
  return `${name} (${type})`;
}

function environmentChanges(before: ServiceDefinition, after: ServiceDefinition): string {
  const [raw, rawNow] = [before.base.environment ?? {}, after.base.environment ?? {}];
  const keys = [...(before.base.secretKeys ?? []), ...(after.base.secretKeys ?? [])];
  const [was, now] = [maskEnvironment(raw, keys), maskEnvironment(rawNow, keys)];
  return [...new Set([...Object.keys(raw), ...Object.keys(rawNow)])]
    .filter((name) => raw[name] !== rawNow[name])
    .map((name) =>
      now[name] === mask || now[name] === was[name]
        ? `${name} (hidden)`
        : `${name} ${was[name] ?? "unset"} → ${now[name] ?? "unset"}`,
    )
    .join(", ");
}
