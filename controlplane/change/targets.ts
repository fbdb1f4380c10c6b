// What has to become true for an operation to be done, one entry per step that is not a keep.
import { type Plan, PlanAction, type PlanStep } from "#proto/settings_pb.ts";
import type { InstanceTable } from "../store/tables.ts";

export type Target = {
  readonly replicaId: string;
  readonly action: PlanAction;
  readonly instance: string;
  readonly group: string;
  readonly slot: number;
  readonly host: string;
  /** How many replicas its instance was wanted to have before; absent in operations of versions before this one. */
  readonly had?: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Null while it goes on. */
  readonly endedAt: number | null;
  readonly failed: boolean;
  /** Why it failed, for people. */
  readonly reason: string;
};

/** before: the instances as they were wanted until now. */
export function targetsOf(plan: Plan, before: readonly InstanceTable[], now: number): Target[] {
  return plan.steps
    .filter((step) => step.action !== PlanAction.KEEP)
    .map((step) => ({
      replicaId: step.replicaId,
      action: step.action,
      instance: step.instance,
      group: step.group,
      slot: step.slot,
      host: step.host,
      had: wantedReplicas(before.find((row) => row.group_name === step.group && row.name === step.instance)),
      ...outlook(step, now),
    }));
}

function wantedReplicas(row: InstanceTable | undefined): number {
  return row === undefined || row.overridden === 1 ? 0 : row.replicas;
}

/** What cannot be placed is not waited for: it stays wanted, and is placed when a host fits. */
function outlook(step: PlanStep, now: number): Pick<Target, "startedAt" | "endedAt" | "failed" | "reason"> {
  const unplaced = step.action === PlanAction.UNPLACED;
  return { startedAt: now, endedAt: unplaced ? now : null, failed: unplaced, reason: unplaced ? step.reason : "" };
}
