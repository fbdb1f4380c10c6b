// Projects: the settings as they were applied, one row for each.
import type { Selectable } from "kysely";
import type { Read, Write } from "./store.ts";
import type { ProjectTable } from "./tables.ts";

export type ProjectRow = Selectable<ProjectTable>;

/** By name. */
export function listProjects(read: Read): Promise<ProjectRow[]> {
  return read.selectFrom("projects").selectAll().orderBy("name").execute();
}

/** Writes a project and raises its revision by one, from 0. Returns the new revision. */
export async function upsertProject(write: Write, row: Omit<ProjectRow, "revision">): Promise<number> {
  const { name: _name, ...rest } = row;
  const { revision } = await write
    .insertInto("projects")
    .values({ ...row, revision: 1 })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((eb) => ({ ...rest, revision: eb("projects.revision", "+", 1) })),
    )
    .returning("revision")
    .executeTakeFirstOrThrow();
  return revision;
}
