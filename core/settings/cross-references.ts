// Checks what no single key can tell: names that refer to something, and what two things claim at once.
import { samePublished } from "./compile-ports.ts";
import type { Compiled, Wanted } from "./compile-files.ts";
import type { Draft, Named } from "./draft.ts";
import { nameInGroup } from "../names.ts";
import type { NoticeList } from "./notices.ts";
import { inside, type Place, type ProblemList } from "./problem.ts";
import { candidateLayers, type CandidateLayer } from "./resolve-spec.ts";
import { hintFor } from "./hint-for.ts";
import { instance } from "./schema.ts";
import { valueAt } from "./schema-problems.ts";
import type { InstanceWish, PortWish, ServiceDefinition } from "./settings.ts";

export type Scope = {
  readonly compiled: Compiled;
  readonly named: Draft["named"];
  readonly problems: ProblemList;
  readonly notices: NoticeList;
  readonly index: Index;
};

/** The same, by name: looked up once for each instance. */
export type Index = {
  readonly services: ReadonlyMap<string, readonly Compiled["services"][number][]>;
  /** Every service that is written, wrong or not, and the groups that have any. */
  readonly namedServices: ReadonlyMap<string, readonly Named[]>;
  readonly serviceGroups: ReadonlySet<string>;
  readonly hosts: ReadonlySet<string>;
};

export function indexOf(compiled: Compiled, named: Draft["named"]): Index {
  return {
    services: Map.groupBy(compiled.services, ({ value }) => value.name),
    namedServices: Map.groupBy(named.services, ({ name }) => name),
    serviceGroups: new Set(named.services.map(({ group }) => group)),
    hosts: new Set(named.hosts.map(({ name }) => name)),
  };
}

/** An instance that can be run, with its candidates. */
export type Runnable = {
  readonly wanted: Wanted;
  readonly wish: InstanceWish;
  readonly service: ServiceDefinition;
  readonly candidates: readonly CandidateLayer[];
};

/** Checks every instance. Gives those whose service is right; an instance of the later form that cannot run is left out with a notice. */
export function checkInstances(scope: Scope): Runnable[] {
  return scope.compiled.instances.flatMap((wanted) => {
    if (scope.problems.full) return [];
    const { value: wish } = wanted;
    const place = itemOf(wanted.place);
    checkGroupAndHost(wish, place, scope);
    // A name that is wrong already was left out, and its default would be judged.
    if (["service", "variety", "profile"].some((key) => scope.problems.has(inside(place, key)))) return [];
    const defined = definitionOf(wish, scope.index);
    if (defined === undefined) {
      if (!hasUnknownKey(place)) unknownService(wanted, place, scope);
      return [];
    }
    const service = defined.value;
    if (service.type !== "container") {
      const message = `${service.name} is of type ${service.type}, which is never run`;
      if (wanted.persistent) scope.notices.addNamed(wish.name, `not started: ${message}.`);
      else scope.problems.add(inside(place, "service"), message, "Take the instance out; the service stays listed.");
      return [];
    }
    const known =
      checkNamed("variety", wish.variety, service.varieties, service, place, scope) &&
      checkNamed("profile", wish.profile, service.profiles, service, place, scope);
    if (!known) return [];
    const candidates = candidateLayers(service, wish);
    for (const { variety, layer } of candidates) {
      if (!layer.image && !scope.problems.has(itemOf(defined.place)))
        scope.problems.add(
          wanted.place,
          `service ${service.name}${variety === "" ? "" : ` as ${variety}`} has no image`,
          "Add image: to the service or to the variety.",
        );
    }
    return [{ wanted, wish, service, candidates }];
  });
}

/** The service of the group itself, else of the default group, else the only one of that name. */
function definitionOf(wish: InstanceWish, { services }: Index): Compiled["services"][number] | undefined {
  const all = services.get(wish.service) ?? [];
  const inGroup = (group: string): (typeof all)[number] | undefined => all.find(({ value }) => value.group === group);
  return inGroup(wish.group) ?? inGroup("default") ?? (all.length === 1 ? all[0] : undefined);
}

/** True when a key of the instance is misspelt, and its service or group may be what was meant with it. */
function hasUnknownKey(place: Place): boolean {
  const written = valueAt(place.source.value, place.path);
  return Object.keys(written ?? {}).some((key) => !Object.hasOwn(instance.shape, key));
}

/** The instance itself, from the place of its name. */
function itemOf(place: Place): Place {
  return { source: place.source, path: place.path.slice(0, -1) };
}

function checkGroupAndHost(wish: InstanceWish, place: Place, { compiled, index: { hosts }, problems }: Scope): void {
  if (!compiled.groups.has(wish.group)) {
    problems.add(
      inside(place, "group"),
      `no group ${JSON.stringify(wish.group)}`,
      nearOr(wish.group, compiled.groups, `Declare it: groups: { ${wish.group}: {} }`),
    );
  }
  // Without any hosts in the settings a name may belong to an agent that joined by itself.
  if (wish.host !== "" && hosts.size > 0 && !hosts.has(wish.host))
    problems.add(inside(place, "host"), `no host ${JSON.stringify(wish.host)}`, hintFor(wish.host, hosts));
}

function nearOr(written: string, known: Iterable<string>, otherwise: string): string {
  const hint = hintFor(written, known);
  return hint.startsWith("Did you mean") ? hint : otherwise;
}

function unknownService({ value: wish, persistent }: Wanted, place: Place, { index, problems, notices }: Scope): void {
  const all = index.namedServices.get(wish.service) ?? [];
  if (all.length > 1)
    return problems.add(
      inside(place, "service"),
      `service ${wish.service} exists in the groups ${all.map(({ group }) => group).join(", ")}`,
      "Put the instance into one of them with group:.",
    );
  // Written, but wrong: that is reported already.
  if (all.length === 1) return;
  if (persistent && !index.serviceGroups.has(wish.group)) {
    return notices.addNamed(
      wish.name,
      `not started: group ${wish.group} defines no services, and there is no service ${wish.service}.`,
    );
  }
  problems.add(
    inside(place, "service"),
    `no service ${JSON.stringify(wish.service)}`,
    hintFor(wish.service, index.namedServices.keys()) || "Define it under services.",
  );
}

function checkNamed(
  kind: "variety" | "profile",
  name: string,
  known: readonly { name: string }[],
  service: ServiceDefinition,
  place: Place,
  { problems }: Scope,
): boolean {
  if (name === "" || known.some((each) => each.name === name)) return true;
  const none = `${service.name} has no ${kind === "variety" ? "varieties" : "profiles"}: leave it out.`;
  problems.add(
    inside(place, kind),
    `service ${service.name} has no ${kind} ${JSON.stringify(name)}`,
    hintFor(
      name,
      known.map((each) => each.name),
    ) || none,
  );
  return false;
}

/** A service of type container needs an image somewhere before an instance can want it. The original's own settings have some without. */
export function checkImages({ compiled, problems, notices }: Scope): void {
  for (const { value: service, place } of compiled.services) {
    const layers = [service.base, ...service.varieties.map((v) => v.layer), ...service.profiles.map((p) => p.layer)];
    if (problems.has(itemOf(place))) continue;
    if (service.type === "container" && !layers.some((layer) => layer.image))
      notices.addNamed(
        nameInGroup(service.group, service.name),
        "it has no image; an instance of it needs one of its own.",
      );
  }
}

type Published = { readonly port: PortWish; readonly wanted: Wanted };

/** Fixed host ports of instances bound to the same host must differ. Which ones are certain is what all candidates publish alike. */
export function checkHostPorts(runnables: readonly Runnable[], problems: ProblemList): void {
  const taken = new Map<string, Published[]>();
  for (const { wanted, wish, candidates } of runnables.filter(
    ({ wish: { host, replicas } }) => host !== "" && replicas > 0,
  )) {
    const [first, ...others] = candidates.map(({ layer }) => layer.ports ?? []);
    const certain = (first ?? []).filter(
      (port) => port.hostPort !== 0 && others.every((ports) => ports.some((other) => samePublished(port, other))),
    );
    const held = taken.get(wish.host) ?? [];
    for (const port of certain) {
      const holder = held.find((each) => samePublished(each.port, port));
      if (wish.replicas > 1)
        problems.add(
          wanted.place,
          `${wish.replicas} replicas cannot all publish host port ${port.hostPort} of ${wish.host}`,
          "Leave the host port out to have one chosen for each.",
        );
      else if (holder !== undefined)
        problems.add(
          wanted.place,
          `host port ${port.hostPort} of ${wish.host} is taken by ${holder.wanted.value.name}`,
          "Choose another, or leave it out to have one chosen.",
        );
    }
    taken.set(wish.host, [...held, ...certain.map((port) => ({ port, wanted }))]);
  }
}

/** Ports of two layers may have been given one name. */
export function checkPortNames(runnables: readonly Runnable[], problems: ProblemList): void {
  for (const { wanted, candidates } of runnables) {
    for (const { layer } of candidates) {
      const names = (layer.ports ?? []).map((port) => port.name).filter((name) => name !== "");
      const twice = names.find((name, i) => names.indexOf(name) !== i);
      if (twice !== undefined)
        problems.add(wanted.place, `two of its ports are named ${twice}`, "Give each its own name.");
    }
  }
}
