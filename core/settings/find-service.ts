// Which definition a name means inside a group.

type Named = { readonly name: string; readonly group: string };

/** The service of the group itself, else of the default group, else the only one of that name. */
export function findService<T extends Named>(group: string, name: string, services: readonly T[]): T | undefined {
  const all = services.filter((service) => service.name === name);
  return (
    all.find((service) => service.group === group) ??
    all.find((service) => service.group === "default") ??
    (all.length === 1 ? all[0] : undefined)
  );
}
