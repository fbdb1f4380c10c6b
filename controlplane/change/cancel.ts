// Takes back what an operation had not finished: it begins nothing more, what is ready stays, restarts and stops go on.
import { ReplicaState } from "#proto/replicas_pb.ts";
import { PlanAction } from "#proto/settings_pb.ts";
import type { LiveHost } from "../agents/live-host.ts";
import type { InstanceTable } from "../store/tables.ts";
import { type OperationRow, targetsFromJson } from "../view/operation-view.ts";
import { replicaViews } from "../view/replica-view.ts";
import type { World } from "../world.ts";
import type { Edit } from "./change.ts";
import { findInstance } from "./edits.ts";
import type { Target } from "./targets.ts";

/** live: what hosts say now, so that a replica that has just become ready stays. */
export function cancelEdit(world: World, live: readonly LiveHost[], operation: OperationRow): Edit {
  const arrived = new Set(replicaViews(world, live).flatMap(({ id, state }) => (arrivals.has(state) ? [id] : [])));
  const begun = targetsFromJson(operation.targets).filter(
    (target) => isBegun(target) && !arrived.has(target.replicaId),
  );
  const byRow = Map.groupBy(begun, (target) => findInstance(world, target.group, target.instance));
  const less = [...byRow].flatMap(([row, targets]) => {
    const replicas = row === undefined ? 0 : replicasLeft(world, row, targets);
    return row === undefined || replicas === row.replicas ? [] : [{ row, replicas }];
  });
  const [gone, fewer] = [less.filter(({ replicas }) => replicas === 0), less.filter(({ replicas }) => replicas > 0)];
  return {
    upsert: [
      ...fewer.map(({ row, replicas }) => ({ ...row, replicas })),
      ...gone.filter(({ row }) => row.owner !== "dynamic").map(({ row }) => ({ ...row, overridden: 1 })),
    ],
    remove: gone.filter(({ row }) => row.owner === "dynamic").map(({ row }) => row.id),
    restart: [],
    notices: [],
  };
}

/** States that a replica has only after it came up. */
const arrivals: ReadonlySet<ReplicaState> = new Set([ReplicaState.READY, ReplicaState.UNWELL, ReplicaState.STOPPED]);

/** A new replica of this operation that has not become ready, or has no place yet. */
function isBegun({ action, endedAt, failed }: Target): boolean {
  if (action === PlanAction.UNPLACED) return true;
  return action === PlanAction.START && (endedAt === null || failed);
}

/** Slots go from the highest down, as far as they are begun and not ready, and never below what the instance had. */
function replicasLeft(world: World, row: InstanceTable, targets: readonly Target[]): number {
  const begun = new Set(targets.map((target) => target.replicaId));
  const had = Math.max(...targets.map((target) => target.had ?? 0));
  const own = world.replicas.filter((replica) => replica.instanceId === row.id && replica.wish === "run");
  const idBySlot = new Map(own.map(({ slot, id }) => [slot, id]));
  let left = row.replicas;
  while (left > had && begun.has(idBySlot.get(left - 1) ?? "")) left -= 1;
  return left;
}
