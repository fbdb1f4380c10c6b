// Turns the drafts of all files into hosts, services and instances, each with the place it came from.
import { compileLayer, defined, type LayerContext } from "./compile-layer.ts";
import { type DeclaredVolume, declareVolume, hostPath } from "./compile-volumes.ts";
import type { Draft, Item } from "./draft.ts";
import { elementsOf } from "./fitting.ts";
import { hintFor } from "./hint-for.ts";
import type { NoticeList } from "./notices.ts";
import { type Keyed, overlay } from "./overlay.ts";
import { inside, type Place, type ProblemList } from "./problem.ts";
import { layerShape } from "./schema-layer.ts";
import { isSet } from "./schema-values.ts";
import type { WrittenInstance, WrittenService } from "./schema.ts";
import type { InstanceWish, Layer, ServiceDefinition, Settings } from "./settings.ts";

/** An instance of the later form: it is left out, with a notice, where the original would not have started it. */
export type Wanted = Keyed<InstanceWish> & { readonly persistent: boolean };

export type Compiled = {
  readonly hosts: Keyed<Settings["hosts"][number]>[];
  readonly services: Keyed<ServiceDefinition>[];
  readonly instances: Wanted[];
  readonly registries: Settings["registries"];
  /** Groups with a private network: declared ones, and those of services. */
  readonly groups: ReadonlySet<string>;
};

type Tools = { readonly problems: ProblemList; readonly notices: NoticeList };
type Volumes = {
  readonly top: ReadonlyMap<string, DeclaredVolume>;
  readonly ofGroup: ReadonlyMap<string, ReadonlyMap<string, DeclaredVolume>>;
};

export function compileFiles(drafts: readonly Draft[], tools: Tools): Compiled {
  const { problems } = tools;
  const volumes = volumesOf(drafts, tools);
  const networks = Map.groupBy(
    drafts.flatMap((draft) => draft.networks),
    (network) => network.group,
  );
  const context = once((group: string): LayerContext => ({
    ...tools,
    declared: new Map([...volumes.top, ...(volumes.ofGroup.get(group) ?? [])]),
    named: new Set(
      drafts
        .flatMap((draft) => draft.named.volumes)
        .filter((volume) => volume.group === "" || volume.group === group)
        .map(({ name }) => name),
    ),
    lockers: new Set(
      drafts.flatMap((draft) => draft.lockers.filter((locker) => locker.group === group).map(({ name }) => name)),
    ),
    group,
    networks: new Set((networks.get(group) ?? []).map(({ value }) => value.name)),
  }));
  const services = overlay(
    drafts.flatMap((d) => d.services.map(keyedBy("service"))),
    problems,
  );
  const written = drafts.flatMap((d) => [
    ...d.persistent.map((item) => ({ ...item, value: item.value as WrittenInstance, persistent: true })),
    ...d.instances.map((item) => ({ ...item, persistent: false })),
  ]);
  const instances = overlay(written.map(keyedBy("instance")), problems);
  const hosts = overlay(
    drafts
      .flatMap((d) => d.hosts)
      .map((item) => ({ key: item.value.name, label: `host ${item.value.name}`, place: item.place, value: item })),
    problems,
  );
  const registries = drafts
    .flatMap((d) => d.registries)
    .map(({ name, value }) => [name, { file: value.file }] as const);
  return {
    hosts: hosts.map((host) => ({ ...host, value: { name: host.value.value.name, ip: host.value.value.ip ?? "" } })),
    services: services.map((item) => ({ ...item, value: serviceOf(item.value, context(item.value.group)) })),
    instances: instances.map((item) => ({
      ...item,
      persistent: item.value.persistent,
      value: wishOf(item.value, context(item.value.group)),
    })),
    registries: Object.fromEntries(registries),
    groups: new Set([
      "default",
      ...drafts.flatMap((d) => [...d.groups.map(({ name }) => name), ...d.named.services.map(({ group }) => group)]),
    ]),
  };
}

/** The function, called once for each text. */
function once<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}

function keyedBy(kind: string): <T extends Item<{ name: string }>>(item: T) => Keyed<T> {
  return (item) => {
    const label = `${kind} ${item.value.name}${item.group === "default" ? "" : ` of group ${item.group}`}`;
    return { key: `${item.group}/${item.value.name}`, label, place: inside(item.place, "name"), value: item };
  };
}

function serviceOf({ value, place, group }: Item<WrittenService>, context: LayerContext): ServiceDefinition {
  const named = (
    written: Readonly<Record<string, Parameters<typeof compileLayer>[0] | null | undefined>>,
    key: string,
  ): { name: string; layer: Layer }[] =>
    Object.entries(written).map(([name, layer]) => ({
      name,
      layer: compileLayer(layer ?? {}, inside(place, key, name), context),
    }));
  const profiles = value.profiles ?? {};
  return {
    name: value.name,
    group,
    type: typeOf(value.type ?? container, inside(place, "type"), context),
    description: value.description ?? "",
    base: compileLayer(value, place, context),
    varieties: named(value.varieties ?? {}, "varieties"),
    profiles: Array.isArray(profiles)
      ? listedProfiles(profiles, inside(place, "profiles"), context)
      : named(profiles, "profiles"),
  };
}

const container = "container";

/** A type that is not container is listed and never run: one that was meant to be it must not end like that. */
function typeOf(written: string, place: Place, { problems }: LayerContext): string {
  const hint = hintFor(written, [container]);
  if (written === container || !hint.startsWith("Did you mean")) return written;
  problems.add(place, `unknown type ${JSON.stringify(written)}`, hint);
  return container;
}

function listedProfiles(
  profiles: Extract<NonNullable<WrittenService["profiles"]>, unknown[]>,
  place: Place,
  context: LayerContext,
): { name: string; layer: Layer }[] {
  const keyed = elementsOf(profiles, place).map(({ value, place: at }) => ({
    key: value.name,
    label: `profile ${value.name}`,
    place: at,
    value,
  }));
  return overlay(keyed, context.problems).map(({ key, value, place: at }) => ({
    name: key,
    layer: compileLayer(value, at, context),
  }));
}

function wishOf({ value, place, group }: Item<WrittenInstance>, context: LayerContext): InstanceWish {
  const overrides = Object.keys(layerShape).some((key) => isSet(value[key as keyof typeof value]))
    ? compileLayer(value, place, context)
    : undefined;
  return defined<InstanceWish>({
    name: value.name,
    group,
    service: value.service ?? value.name,
    variety: value.variety ?? "",
    profile: value.profile ?? "",
    replicas: value.replicas ?? 1,
    host: value.host ?? "",
    overrides,
  });
}

function volumesOf(drafts: readonly Draft[], { problems, notices }: Tools): Volumes {
  const context = { problems, notices };
  const top = new Map<string, DeclaredVolume>();
  const ofGroup = new Map<string, Map<string, DeclaredVolume>>();
  for (const { name, value, place } of drafts.flatMap((draft) => draft.volumes)) {
    notices.ofVolume(value);
    if (value.type === "nfs")
      notices.addNamed(
        `volumes.${name}`,
        `nfs is not supported yet: mount ${value.server ?? ""}:${value.path ?? value.source ?? ""} at /exports/${name} on each host that runs it.`,
      );
    const declared = declareVolume(name, value, place, context);
    if (declared !== undefined) top.set(name, declared);
  }
  const groupVolumes = drafts.flatMap((draft) =>
    draft.groupVolumes.map((item) => ({
      key: `${item.group}/${item.value.name}`,
      label: `volume ${item.value.name}`,
      place: inside(item.place, "name"),
      value: item,
    })),
  );
  for (const {
    value: { value, place, group },
  } of overlay(groupVolumes, problems)) {
    const readOnly = value.type === "versioned-read-only";
    if (readOnly) notices.add("versioned-read-only");
    const source = hostPath(value.source, inside(place, "source"), context);
    const volumes = ofGroup.get(group) ?? new Map<string, DeclaredVolume>();
    if (source !== undefined) ofGroup.set(group, volumes.set(value.name, { kind: "bind", source, readOnly }));
  }
  return { top, ofGroup };
}
