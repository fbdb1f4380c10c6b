// What instances wait for: names of instances of the same group, or of services, which stand for their instances there.
import type { Runnable, Scope } from "./cross-references.ts";
import { inside, type Place } from "./problem.ts";
import { elementsOf } from "./fitting.ts";
import { hintFor } from "./hint-for.ts";
import { valueAt } from "./schema-problems.ts";
import type { InstanceWish, ServiceDefinition } from "./settings.ts";

/** Reports what nothing is called, what nobody wants and what waits for itself. Gives the wishes with names of instances only. */
export function resolveDependencies(runnables: readonly Runnable[], scope: Scope): InstanceWish[] {
  const names = knownNames(scope);
  for (const { value: service, place } of scope.compiled.services)
    checkService(service, { source: place.source, path: place.path.slice(0, -1) }, names, scope);
  for (const { value: wish, place } of scope.compiled.instances)
    checkList(
      inside({ source: place.source, path: place.path.slice(0, -1) }, "depends_on"),
      wish.overrides?.dependsOn,
      names,
      scope,
    );
  const members = membersByGroup(runnables, scope);
  const edges = new Map<Runnable, string[][]>(
    runnables.map((runnable) => [runnable, waitedFor(runnable, members.get(runnable.wish.group), names, scope)]),
  );
  reportCycles(edges, scope);
  return runnables.map((runnable) => withNames(runnable, edges.get(runnable) ?? [], scope));
}

function knownNames({ named }: Scope): ReadonlySet<string> {
  return new Set([...named.instances, ...named.services].map(({ name }) => name));
}

function checkService(service: ServiceDefinition, place: Place, names: ReadonlySet<string>, scope: Scope): void {
  checkList(inside(place, "depends_on"), service.base.dependsOn, names, scope);
  for (const { name, layer } of service.varieties)
    checkList(inside(place, "varieties", name, "depends_on"), layer.dependsOn, names, scope);
  const profiles = inside(place, "profiles");
  const listed = Array.isArray(valueAt(place.source.value, profiles.path));
  for (const [i, { name, layer }] of service.profiles.entries())
    checkList(inside(profiles, listed ? i : name, "depends_on"), layer.dependsOn, names, scope);
}

function checkList(
  place: Place,
  list: readonly string[] | undefined,
  names: ReadonlySet<string>,
  { problems }: Scope,
): void {
  for (const { value: name, place: at } of elementsOf(list ?? [], place)) {
    if (!names.has(name))
      problems.add(at, `depends on ${JSON.stringify(name)}, and nothing has that name`, hintFor(name, names));
  }
}

/** Instances of one group: every name that is written, and the names of those that run a service. */
type Members = { readonly names: ReadonlySet<string>; readonly byService: ReadonlyMap<string, readonly string[]> };

function membersByGroup(runnables: readonly Runnable[], { named }: Scope): ReadonlyMap<string, Members> {
  const written = Map.groupBy(named.instances, ({ group }) => group);
  const running = Map.groupBy(runnables, ({ wish }) => wish.group);
  const members = [...new Set([...written.keys(), ...running.keys()])].map((group): [string, Members] => {
    const byService = Map.groupBy(running.get(group) ?? [], ({ wish }) => wish.service);
    return [
      group,
      {
        names: new Set((written.get(group) ?? []).map(({ name }) => name)),
        byService: new Map([...byService].map(([service, list]) => [service, list.map(({ wish }) => wish.name)])),
      },
    ];
  });
  return new Map(members);
}

/** For each candidate the names of the instances it waits for. */
function waitedFor(
  { wanted, wish, candidates }: Runnable,
  members: Members | undefined,
  names: ReadonlySet<string>,
  { problems, index }: Scope,
): string[][] {
  return candidates.map(({ layer }) =>
    (layer.dependsOn ?? []).flatMap((name) => {
      if (members?.names.has(name) === true) return [name];
      const instances = members?.byService.get(name) ?? [];
      if (instances.length > 0 || !names.has(name)) return instances;
      const types = (index.services.get(name) ?? []).map(({ value }) => value.type);
      if (types[0] !== undefined && !types.includes("container")) {
        problems.add(
          wanted.place,
          `it depends on ${name}, which is of type ${types[0]} and never run`,
          "Take it out of depends_on.",
        );
      } else {
        problems.add(
          wanted.place,
          `it depends on ${name}, which no instance of group ${wish.group} runs`,
          `Add one: instances: [{ name: ${name} }]`,
        );
      }
      return [];
    }),
  );
}

function withNames(
  { wanted, wish, candidates }: Runnable,
  waited: readonly string[][],
  { problems }: Scope,
): InstanceWish {
  const asWritten = candidates.every(({ layer }, i) => (layer.dependsOn ?? []).join() === (waited[i] ?? []).join());
  if (asWritten) return wish;
  const [first = [], ...others] = waited;
  if (others.some((list) => list.join() !== first.join())) {
    problems.add(
      wanted.place,
      "its varieties depend on different services",
      "Name the instances in depends_on, not the services.",
    );
  }
  return { ...wish, overrides: { ...wish.overrides, dependsOn: first } };
}

/** Takes away, again and again, what waits for nothing any more. What stays holds the circles; each is reported once. */
function reportCycles(edges: ReadonlyMap<Runnable, readonly string[][]>, { problems }: Scope): void {
  const byName = new Map(
    [...edges.keys()].map((runnable) => [`${runnable.wish.group}/${runnable.wish.name}`, runnable]),
  );
  const open = new Map<Runnable, Set<Runnable>>();
  const waiting = new Map<Runnable, Runnable[]>();
  for (const [runnable, lists] of edges) {
    const others = lists.flat().flatMap((name) => byName.get(`${runnable.wish.group}/${name}`) ?? []);
    open.set(runnable, new Set(others));
    for (const other of new Set(others)) listOf(waiting, other).push(runnable);
  }
  const free = [...open].filter(([, others]) => others.size === 0).map(([runnable]) => runnable);
  for (let next = free.pop(); next !== undefined; next = free.pop()) {
    open.delete(next);
    for (const waiter of waiting.get(next) ?? []) {
      const others = open.get(waiter);
      if (others?.delete(next) === true && others.size === 0) free.push(waiter);
    }
  }
  const seen = new Set<Runnable>();
  for (const start of open.keys()) {
    const trail = new Set<Runnable>();
    let at: Runnable | undefined = start;
    while (at !== undefined && !seen.has(at)) {
      seen.add(at);
      trail.add(at);
      at = open.get(at)?.values().next().value;
    }
    if (at !== undefined && trail.has(at)) reportCycle([...trail].slice([...trail].indexOf(at)), problems);
  }
}

function listOf<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

function reportCycle(circle: readonly Runnable[], problems: Scope["problems"]): void {
  const [first] = circle;
  if (first === undefined) return;
  const names = circle.map(({ wish }) => wish.name);
  const shown = names.length > 8 ? [...names.slice(0, 8), "…"] : names;
  problems.add(
    first.wanted.place,
    `it waits for itself: ${[...shown, first.wish.name].join(" → ")}`,
    "Take one of the depends_on out.",
  );
}
