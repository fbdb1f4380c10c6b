// Refuses a group that nobody declared: a misspelt one would be a network of its own. Pure.
import { OzError } from "#core/errors.ts";
import { isName, suggestion } from "#core/names.ts";
import type { World } from "../world.ts";

/** Throws bad_request for what is no name, not_found for a group that no settings declare and that nothing is in. */
export function requireGroup(world: Pick<World, "projects" | "instances">, group: string): void {
  requireName(group);
  const known = new Set([
    "default",
    ...world.projects.flatMap(({ settings }) => settings.groups ?? settings.services.map((service) => service.group)),
    ...world.instances.map((row) => row.group_name),
  ]);
  if (known.has(group)) return;
  const hint = suggestion(group, known);
  throw new OzError("not_found", `no group ${group}`, {
    hint: hint.startsWith("Did you mean") ? hint : `Declare it in settings and apply them: groups: { ${group}: {} }`,
  });
}

/** Throws bad_request for text that is no name of an instance, group or project. */
export function requireName(text: string): void {
  if (!isName(text))
    throw new OzError("bad_request", `${JSON.stringify(text)} is no name`, {
      hint: "Use letters, digits, dot, dash and underscore, at most 63, beginning with a letter or digit.",
    });
}
