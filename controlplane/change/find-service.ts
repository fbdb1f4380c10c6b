// Which definition an instance means by the name of a service, now that several projects may use the same name.
import { OzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import { servicesOf, type World } from "../world.ts";

/** The name of a service as an instance gives it. */
export type ServiceName = {
  readonly service: string;
  /** Group of the instance. */
  readonly group: string;
  /** Owner of the instance: what `settings/P` wants is looked for in project P, and elsewhere only if P has none of that name. */
  readonly owner: string;
};

type Defined = { readonly project: string; readonly group: string; readonly name: string };

/** Definitions that may be meant: of the group itself, else of the default group, else all of that name. One, unless it is unclear. */
export function servicesMeant<T extends Defined>(all: readonly T[], { service, group, owner }: ServiceName): T[] {
  const named = all.filter(({ name }) => name === service);
  const own = named.filter(({ project }) => owner === `settings/${project}`);
  const pool = own.length > 0 ? own : named;
  const inGroup = pool.filter((each) => each.group === group);
  const inDefault = pool.filter((each) => each.group === "default");
  return inGroup.length > 0 ? inGroup : inDefault.length > 0 ? inDefault : pool;
}

/**
 * The definition that is meant. Throws not_found with a suggestion for a name that nothing has or that several groups have,
 * precondition for one that several projects have.
 */
export function findService(name: ServiceName, world: Pick<World, "projects">): ReturnType<typeof servicesOf>[number] {
  const all = servicesOf(world).map((each) => ({
    ...each,
    project: each.project.name,
    name: each.service.name,
    group: each.service.group,
    found: each,
  }));
  const [first, ...others] = servicesMeant(all, name);
  if (first !== undefined && others.length === 0) return first.found;
  if (first === undefined) {
    throw new OzError("not_found", `no service ${name.service}`, {
      hint:
        suggestion(
          name.service,
          all.map((each) => each.name),
        ) || "Apply settings that define it: ozctl apply -f ozwald.yml",
    });
  }
  const groups = [...new Set([first, ...others].map(({ group }) => group))];
  if (groups.length > 1) {
    throw new OzError("not_found", `service ${name.service} exists in the groups ${groups.join(", ")}`, {
      hint: "Say which with --group.",
    });
  }
  const projects = [first, ...others].map(({ project }) => project);
  throw new OzError(
    "precondition",
    `service ${name.service} of group ${first.group} is defined by the projects ${projects.join(" and ")}, and either may be meant`,
    { hint: "Rename it in one of them, or list the instance in the settings of the project that is meant." },
  );
}
