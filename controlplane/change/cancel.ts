// Takes back what an operation had not finished: starts are undone, restarts and stops go on.
import { PlanAction } from "#proto/settings_pb.ts";
import { type OperationRow, targetsFromJson } from "../view/operation-view.ts";
import type { World } from "../world.ts";
import type { Edit } from "./change.ts";
import { findInstance } from "./edits.ts";

export function cancelEdit(world: World, operation: OperationRow): Edit {
  const open = targetsFromJson(operation.targets).filter(
    (target) => target.endedAt === null && target.action === PlanAction.START,
  );
  const rows = [...new Set(open.map((target) => findInstance(world, target.group, target.instance)))].filter(
    (row) => row !== undefined,
  );
  return {
    upsert: rows.filter((row) => row.owner !== "dynamic").map((row) => ({ ...row, overridden: 1 })),
    remove: rows.filter((row) => row.owner === "dynamic").map((row) => row.id),
    restart: [],
    notices: [],
  };
}
