// Keys of the original that nothing is done with yet: they are checked all the same, and each gives rise to one notice.
import type { Compiled } from "./compile-files.ts";
import type { Scope } from "./cross-references.ts";
import type { Draft, Named } from "./draft.ts";
import { inside, type Place, type ProblemList } from "./problem.ts";
import { hintFor } from "./hint-for.ts";
import { isSet } from "./schema-values.ts";

/** Provisioners run on hosts, and portals lead to connectors. */
export function checkOriginalKeys(drafts: readonly Draft[], { compiled, named, problems, notices }: Scope): void {
  const hosts = named.hosts.map(({ name }) => name);
  const portalPorts = new Set<number>();
  const connectors = compiled.services.flatMap(({ value: { group, base, varieties, profiles } }) =>
    [base, ...varieties.map((v) => v.layer), ...profiles.map((p) => p.layer)].flatMap((layer) =>
      layer.bridgeConnector === undefined ? [] : [{ group, name: layer.bridgeConnector.name }],
    ),
  );
  for (const draft of drafts) {
    if (draft.lockers.length > 0) notices.add("vault.lockers");
    if (draft.hosts.some(({ value }) => isSet(value.resources))) notices.add("hosts[].resources");
    for (const { value, group } of draft.networks)
      if ((value.type ?? "bridge") !== "bridge")
        notices.addNamed(
          `realms.${group}.networks ${value.name}`,
          `type ${value.type} is not supported yet: it is the group's private network.`,
        );
    for (const { value, place } of draft.provisioners) {
      if (isSet(value.cache)) notices.add("provisioners[].cache");
      else notices.add("provisioners");
      if (isSet(value.encrypted_storage_dir)) notices.add("provisioners[].encrypted_storage_dir");
      if (!hosts.includes(value.host))
        problems.add(
          inside(place, "host"),
          `no host ${JSON.stringify(value.host)}`,
          hintFor(value.host, hosts) || "Declare it under hosts.",
        );
    }
    for (const { value, place } of draft.portals) {
      notices.add("portals");
      if (portalPorts.has(value.port))
        problems.add(inside(place, "port"), `Duplicate portal port ${value.port}`, "Choose another.");
      portalPorts.add(value.port);
      checkBridge(value.bridge, inside(place, "bridge"), compiled, connectors, problems);
    }
  }
}

function checkBridge(
  bridge: { realm?: string | null | undefined; connector: string },
  place: Place,
  compiled: Compiled,
  connectors: readonly Omit<Named, "place">[],
  problems: ProblemList,
): void {
  const realm = bridge.realm ?? "default";
  if (!compiled.groups.has(realm))
    return problems.add(inside(place, "realm"), `no group ${JSON.stringify(realm)}`, hintFor(realm, compiled.groups));
  const here = connectors.filter(({ group }) => group === realm).map(({ name }) => name);
  if (!here.includes(bridge.connector))
    problems.add(
      inside(place, "connector"),
      `no bridge-connector ${JSON.stringify(bridge.connector)} in group ${realm}`,
      hintFor(bridge.connector, here),
    );
}
