// Where an operation stands: a pure function of what it wanted and of what replicas do now.
import { PlanAction } from "#proto/settings_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import type { Target } from "../change/targets.ts";

export type ReplicaStanding = {
  readonly id: string;
  readonly generation: number;
  readonly wish: "run" | "retire";
  readonly state: ReplicaState;
  readonly seenGeneration: number;
  readonly reason: string;
};

export type Progress = {
  readonly targets: Target[];
  readonly state: "running" | "done" | "failed" | "superseded";
  readonly changed: boolean;
};

export function operationProgress(
  targets: readonly Target[],
  replicas: ReadonlyMap<string, ReplicaStanding>,
  now: number,
): Progress {
  let superseded = false;
  const next = targets.map((target) => {
    if (target.endedAt !== null) return target;
    const verdict = targetVerdict(target, replicas.get(target.replicaId));
    if (verdict === "superseded") superseded = true;
    if (verdict === "waiting") return target;
    return {
      ...target,
      endedAt: now,
      failed: verdict !== "done",
      reason:
        verdict === "failed"
          ? (replicas.get(target.replicaId)?.reason ?? "")
          : verdict === "superseded"
            ? "something newer is wanted"
            : "",
    };
  });
  const changed = next.some((target, i) => target !== targets[i]);
  if (next.some((target) => target.endedAt === null)) return { targets: next, state: "running", changed };
  const failed = next.some((target) => target.failed && target.reason !== "something newer is wanted");
  return { targets: next, state: failed ? "failed" : superseded ? "superseded" : "done", changed };
}

function targetVerdict(
  target: Target,
  replica: ReplicaStanding | undefined,
): "waiting" | "done" | "failed" | "superseded" {
  if (target.action === PlanAction.STOP) return replica === undefined ? "done" : "waiting";
  if (replica === undefined || replica.wish === "retire") return "superseded";
  if (replica.seenGeneration < replica.generation) return "waiting";
  if (replica.state === ReplicaState.READY || replica.state === ReplicaState.STOPPED) return "done";
  if (replica.state === ReplicaState.FAILED) return "failed";
  return "waiting";
}
