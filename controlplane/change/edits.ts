// What each request changes: pure functions from the world to an Edit.
import { OzError } from "#core/errors.ts";
import { nameInGroup, suggestion } from "#core/names.ts";
import { maxReplicas } from "#core/settings/limits.ts";
import type { InstanceWish, Settings } from "#core/settings/settings.ts";
import type { DynamicInstance } from "#proto/instances_pb.ts";
import type { InstanceTable } from "../store/tables.ts";
import type { World } from "../world.ts";
import type { Edit } from "./change.ts";
import { definitionChanges } from "./definition-changes.ts";
import { requireGroup, requireName } from "./require-group.ts";
import { type InstanceTraits, requireMatch } from "./require-match.ts";
import { candidatesFor } from "./snapshot.ts";

const nothing: Edit = { upsert: [], remove: [], restart: [], notices: [] };

export type EditContext = { now: number; newId(): string };

/** Replaces what a project wants. Instances of other owners stay; a name they hold is already_exists. */
export function applyEditOf(
  world: World,
  settings: Settings,
  files: string,
  expectedRevision: number | undefined,
  context: EditContext,
): Edit {
  const owner = `settings/${settings.project}`;
  const before = world.projects.find((p) => p.name === settings.project);
  const present = before?.revision ?? 0;
  // Asked again because the answer was lost: it is so already. What began an operation is known by its key before this.
  if (expectedRevision === present - 1 && JSON.stringify(before?.settings) === JSON.stringify(settings)) return nothing;
  if (expectedRevision !== undefined && expectedRevision !== present) {
    throw new OzError("conflict", `project ${settings.project} is at revision ${present}, not ${expectedRevision}`, {
      hint: "Somebody applied in between. Look again: ozctl plan",
    });
  }
  const upsert = settings.instances.map((wish) => instanceRow(world, wish, owner, context));
  const kept = new Set(upsert.map((row) => row.id));
  const remove = world.instances.filter((row) => row.owner === owner && !kept.has(row.id)).map((row) => row.id);
  return {
    ...nothing,
    upsert,
    remove,
    project: { name: settings.project, settings, files },
    notices: [...definitionChanges(before?.settings, settings), ...settings.notices],
  };
}

/**
 * Makes one instance wanted. What the wish leaves empty stays as it is; replicas 0 of a new one is 1.
 * One from settings keeps its owner: `up` undoes a `down`, and changes show as drift until the next apply.
 */
export function upEdit(world: World, wish: InstanceWish, context: EditContext): Edit {
  requireName(wish.name);
  requireGroup(world, wish.group);
  if (wish.replicas > maxReplicas)
    throw new OzError("bad_request", `${wish.replicas} replicas are too many`, {
      hint: `At most ${maxReplicas} of one instance; name several instances for more.`,
    });
  const before = findInstance(world, wish.group, wish.name);
  const fromSettings = before !== undefined && before.owner !== "dynamic";
  const row = instanceRow(
    world,
    before === undefined ? { ...wish, replicas: wish.replicas || 1 } : laidOver(before, wish),
    fromSettings ? before.owner : "dynamic",
    context,
  );
  if (row.host !== "") requireHost(world, row.host);
  candidatesFor(row, world);
  return { ...nothing, upsert: [row], restart: failedReplicas(world, row.id) };
}

/** Variety and profile belong to a service: another service begins without them. */
function laidOver(before: InstanceTable, wish: InstanceWish): InstanceWish {
  const service = wish.service || before.service;
  const same = service === before.service;
  return {
    ...wish,
    service,
    variety: wish.variety || (same ? before.variety : ""),
    profile: wish.profile || (same ? before.profile : ""),
    replicas: wish.replicas || before.replicas || 1,
    host: wish.host || before.host,
  };
}

/** Takes one instance down, which has to be what is said: a dynamic one goes, one from settings is overridden until the next apply. */
export function downEdit(world: World, group: string, name: string, said: InstanceTraits): Edit {
  const row = requireInstance(world, group, name);
  requireMatch(world, row, said);
  return row.owner === "dynamic"
    ? { ...nothing, remove: [row.id] }
    : { ...nothing, upsert: [{ ...row, overridden: 1 }] };
}

/** Replaces every replica of an instance by a new generation, failed ones too. */
export function restartEdit(world: World, group: string, name: string): Edit {
  const row = requireInstance(world, group, name);
  const restart = world.replicas
    .filter((replica) => replica.instanceId === row.id && replica.wish === "run")
    .map((replica) => replica.id);
  if (restart.length === 0)
    throw new OzError("precondition", `${name} has nothing to restart`, {
      hint: `Start it: ozctl up ${nameInGroup(group, name)}`,
    });
  return { ...nothing, restart };
}

/** Makes the list the complete set of dynamic instances. */
export function dynamicEdit(world: World, wishes: readonly DynamicInstance[], context: EditContext): Edit {
  const seen = new Set<string>();
  const upsert = wishes.map((wish) => {
    const group = wish.group || "default";
    requireName(wish.name);
    requireGroup(world, group);
    if (seen.has(`${group}/${wish.name}`)) throw new OzError("bad_request", `${wish.name} is named twice`);
    seen.add(`${group}/${wish.name}`);
    const full = {
      name: wish.name,
      group,
      service: wish.service || wish.name,
      variety: wish.variety,
      profile: wish.profile,
      replicas: 1,
      host: "",
    };
    const row = instanceRow(world, full, "dynamic", context);
    candidatesFor(row, world);
    return row;
  });
  const kept = new Set(upsert.map((row) => row.id));
  const remove = world.instances.filter((row) => row.owner === "dynamic" && !kept.has(row.id)).map((row) => row.id);
  return { ...nothing, upsert, remove };
}

export function findInstance(world: World, group: string, name: string): InstanceTable | undefined {
  return world.instances.find((row) => row.group_name === (group || "default") && row.name === name);
}

/** An instance by name, or not_found with the nearest name. */
export function requireInstance(world: World, group: string, name: string): InstanceTable {
  const row = findInstance(world, group, name);
  if (row !== undefined) return row;
  const others = world.instances.filter((r) => r.name === name).map((r) => nameInGroup(r.group_name, name));
  if (others.length > 0)
    throw new OzError("not_found", `no instance ${name} in group ${group || "default"}`, {
      hint: `There ${others.length === 1 ? "is" : "are"}: ${others.join(", ")}.`,
    });
  throw new OzError("not_found", `no instance ${name}`, {
    hint:
      suggestion(
        name,
        world.instances.map((r) => r.name),
      ) || "Nothing is wanted yet: ozctl apply -f ozwald.yml",
  });
}

function requireHost(world: World, name: string): void {
  const known = [
    ...world.hosts.filter((h) => h.state === "active").map((h) => h.name),
    ...world.projects.flatMap((p) => p.settings.hosts.map((h) => h.name)),
  ];
  if (!known.includes(name))
    throw new OzError("not_found", `no host ${name}`, {
      hint: suggestion(name, known) || "Invite one: ozctl host invite",
    });
}

/** Failed replicas of an instance: asking for it again is asking for another try. */
function failedReplicas(world: World, instanceId: string): string[] {
  return world.replicas
    .filter(
      (r) =>
        r.instanceId === instanceId &&
        r.wish === "run" &&
        r.observed?.state === 10 &&
        Number(r.observed.generation) === r.generation,
    )
    .map((r) => r.id);
}

function instanceRow(world: World, wish: InstanceWish, owner: string, context: EditContext): InstanceTable {
  const before = findInstance(world, wish.group, wish.name);
  if (before !== undefined && before.owner !== owner) {
    throw new OzError("already_exists", `${wish.name} is wanted by ${describeOwner(before.owner)} already`, {
      hint: `Use another name, or take it down first: ozctl down ${nameInGroup(wish.group, wish.name)}`,
    });
  }
  return {
    id: before?.id ?? context.newId(),
    group_name: wish.group || "default",
    name: wish.name,
    owner,
    service: wish.service || wish.name,
    variety: wish.variety,
    profile: wish.profile,
    replicas: wish.replicas,
    host: wish.host,
    overridden: 0,
    created_at: before?.created_at ?? context.now,
  };
}

function describeOwner(owner: string): string {
  return owner === "dynamic" ? "`ozctl up` or the REST interface" : `project ${owner.replace("settings/", "")}`;
}
