// What instances wait for: names of instances of the same group, or of services, which stand for their instances there.
import { inside } from "./compile-volumes.ts";
import type { Runnable, Scope } from "./cross-references.ts";
import type { Place } from "./problem.ts";
import { hintFor, valueAt } from "./schema-problems.ts";
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
  const edges = new Map<Runnable, string[][]>(
    runnables.map((runnable) => [runnable, waitedFor(runnable, runnables, scope)]),
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
  for (const [i, name] of (list ?? []).entries()) {
    if (!names.has(name))
      problems.add(
        inside(place, i),
        `depends on ${JSON.stringify(name)}, and nothing has that name`,
        hintFor(name, names),
      );
  }
}

/** For each candidate the names of the instances it waits for. */
function waitedFor({ wanted, wish, candidates }: Runnable, all: readonly Runnable[], scope: Scope): string[][] {
  const known = knownNames(scope);
  const here = all.filter((other) => other.wish.group === wish.group);
  const written = scope.named.instances.filter(({ group }) => group === wish.group).map(({ name }) => name);
  return candidates.map(({ layer }) =>
    (layer.dependsOn ?? []).flatMap((name) => {
      if (written.includes(name)) return [name];
      const instances = here.filter((other) => other.wish.service === name).map((other) => other.wish.name);
      if (instances.length === 0 && known.has(name)) {
        scope.problems.add(
          wanted.place,
          `it depends on ${name}, which no instance of group ${wish.group} runs`,
          `Add one: instances: [{ name: ${name} }]`,
        );
      }
      return instances;
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

function reportCycles(edges: ReadonlyMap<Runnable, readonly string[][]>, { problems }: Scope): void {
  const byName = new Map(
    [...edges.keys()].map((runnable) => [`${runnable.wish.group}/${runnable.wish.name}`, runnable]),
  );
  const done = new Set<Runnable>();
  const visit = (runnable: Runnable, trail: readonly Runnable[]): void => {
    const from = trail.indexOf(runnable);
    if (from >= 0) {
      const names = [...trail.slice(from), runnable].map(({ wish }) => wish.name);
      problems.add(
        runnable.wanted.place,
        `it waits for itself: ${names.join(" → ")}`,
        "Take one of the depends_on out.",
      );
      return;
    }
    if (done.has(runnable)) return;
    for (const name of new Set((edges.get(runnable) ?? []).flat())) {
      const next = byName.get(`${runnable.wish.group}/${name}`);
      if (next !== undefined) visit(next, [...trail, runnable]);
    }
    done.add(runnable);
  };
  for (const runnable of edges.keys()) visit(runnable, []);
}
