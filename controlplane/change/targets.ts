// What has to become true for an operation to be done, one entry per step that is not a keep.
import { type Plan, PlanAction, type PlanStep } from "#proto/settings_pb.ts";

export type Target = {
  readonly replicaId: string;
  readonly action: PlanAction;
  readonly instance: string;
  readonly group: string;
  readonly slot: number;
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Null while it goes on. */
  readonly endedAt: number | null;
  readonly failed: boolean;
  /** Why it failed, for people. */
  readonly reason: string;
};

export function targetsOf(plan: Plan, now: number): Target[] {
  return plan.steps
    .filter((step) => step.action !== PlanAction.KEEP)
    .map((step) => ({
      replicaId: step.replicaId,
      action: step.action,
      instance: step.instance,
      group: step.group,
      slot: step.slot,
      host: step.host,
      ...outlook(step, now),
    }));
}

/** What cannot be placed is not waited for: it stays wanted, and is placed when a host fits. */
function outlook(step: PlanStep, now: number): Pick<Target, "startedAt" | "endedAt" | "failed" | "reason"> {
  const unplaced = step.action === PlanAction.UNPLACED;
  return { startedAt: now, endedAt: unplaced ? now : null, failed: unplaced, reason: unplaced ? step.reason : "" };
}
