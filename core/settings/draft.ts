// Takes a file apart into the things it declares. What does not fit the schema is left out here (it is reported elsewhere), but
// its name is remembered, so that one mistake does not make a second problem of everything that refers to it.
import type * as z from "zod";
import { inside, type Path, type Place, type SettingsSource } from "./problem.ts";
import * as schema from "./schema.ts";
import { fitting } from "./fitting.ts";
import { valueAt } from "./schema-problems.ts";

/** A written thing, with its group where it has one. */
export type Item<T> = { readonly value: T; readonly place: Place; readonly group: string };

/** Something in another thing's list: named `name`, wrong or not. */
export type Named = { readonly name: string; readonly group: string; readonly place: Place };

export type Draft = {
  readonly project: string | undefined;
  readonly hosts: Item<z.output<typeof schema.host>>[];
  readonly provisioners: Item<z.output<typeof schema.provisioner>>[];
  readonly services: Item<schema.WrittenService>[];
  readonly instances: Item<schema.WrittenInstance>[];
  readonly persistent: Item<z.output<typeof schema.persistentService>>[];
  readonly volumes: (Item<schema.WrittenVolumeDeclaration> & { readonly name: string })[];
  readonly groupVolumes: Item<z.output<typeof schema.groupVolume>>[];
  readonly networks: Item<z.output<typeof schema.groupNetwork>>[];
  readonly portals: Item<z.output<typeof schema.portal>>[];
  readonly registries: (Item<z.output<typeof schema.registry>> & { readonly name: string })[];
  readonly groups: Named[];
  readonly lockers: Named[];
  /** Everything with a name, by kind, wrong or not. */
  readonly named: {
    readonly hosts: Named[];
    readonly services: Named[];
    readonly instances: Named[];
    readonly volumes: Named[];
  };
};

export function draftOf(source: SettingsSource): Draft {
  const root: Place = { source, path: [] };
  const groups = ["realms", "groups"].flatMap((key) =>
    entries(root, key).map((place) => ({ name: String(place.path.at(-1)), group: "default", place })),
  );
  const perGroup = <T extends z.ZodType>(item: T, key: string): Item<z.output<T>>[] =>
    groups.flatMap(({ name, place }) => items(item, place, key, name));
  const project = valueAt(source.value, ["project"]);
  return {
    project: schema.settingsFile.shape.project.safeParse(project).data ?? undefined,
    hosts: items(schema.host, root, "hosts"),
    provisioners: items(schema.provisioner, root, "provisioners"),
    services: [...items(schema.service, root, "services"), ...perGroup(schema.service, "service-definitions")].map(
      (item) => ({ ...item, group: item.value.group ?? item.group }),
    ),
    instances: items(schema.instance, root, "instances").map((item) => ({
      ...item,
      group: item.value.group ?? item.group,
    })),
    persistent: perGroup(schema.persistentService, "persistent-services"),
    volumes: keyed(schema.volume, root, "volumes"),
    groupVolumes: perGroup(schema.groupVolume, "volumes"),
    networks: perGroup(schema.groupNetwork, "networks"),
    portals: items(schema.portal, root, "portals"),
    registries: keyed(schema.registry, root, "registries"),
    groups,
    lockers: groups.flatMap(({ name: group, place }) =>
      entries(inside(place, "vault"), "lockers").map((at) => ({ name: String(at.path.at(-1)), group, place: at })),
    ),
    named: {
      hosts: namesIn(root, "hosts"),
      services: [
        ...namesIn(root, "services"),
        ...groups.flatMap(({ name, place }) => namesIn(place, "service-definitions", name)),
      ],
      instances: [
        ...namesIn(root, "instances"),
        ...groups.flatMap(({ name, place }) => namesIn(place, "persistent-services", name)),
      ],
      volumes: [
        ...entries(root, "volumes").map((place) => ({ name: String(place.path.at(-1)), group: "", place })),
        ...groups.flatMap(({ name, place }) => namesIn(place, "volumes", name)),
      ],
    },
  };
}

function at(place: Place): unknown {
  return valueAt(place.source.value, place.path);
}

/** Places of the elements of a list, or of the values of a map. */
function entries(holder: Place, key: string): Place[] {
  const value = at(inside(holder, key));
  if (typeof value !== "object" || value === null) return [];
  const steps: Path = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  return steps.map((step) => inside(holder, key, step));
}

function items<T extends z.ZodType>(item: T, holder: Place, key: string, group = "default"): Item<z.output<T>>[] {
  if (!Array.isArray(at(inside(holder, key)))) return [];
  return entries(holder, key).flatMap((place) => {
    const value = fitting(item, at(place));
    return value === undefined ? [] : [{ value, place, group }];
  });
}

function keyed<T extends z.ZodType>(item: T, holder: Place, key: string): (Item<z.output<T>> & { name: string })[] {
  return entries(holder, key).flatMap((place) => {
    const value = fitting(item, at(place) ?? {});
    return value === undefined ? [] : [{ value, place, group: "default", name: String(place.path.at(-1)) }];
  });
}

function namesIn(holder: Place, key: string, group = "default"): Named[] {
  return entries(holder, key).flatMap((place) => {
    const name = at(inside(place, "name"));
    const own = at(inside(place, "group"));
    return typeof name === "string"
      ? [{ name, group: typeof own === "string" ? own : group, place: inside(place, "name") }]
      : [];
  });
}
