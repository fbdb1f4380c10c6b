// Where an operation stands: a pure function of what it wanted and of what replicas do now.
import { PlanAction } from "#proto/settings_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import type { Target } from "../change/targets.ts";

export type ReplicaStanding = {
  readonly id: string;
  readonly instance: string;
  readonly group: string;
  /** Name of its host; empty when none. */
  readonly host: string;
  readonly generation: number;
  readonly wish: "run" | "retire";
  readonly state: ReplicaState;
  readonly seenGeneration: number;
  readonly reason: string;
  /** Number of its present attempt. */
  readonly attempt: number;
  /** True when it has a check: then ready means that it answers, not only that it runs. */
  readonly probed: boolean;
  /** Instances on its host that have to be ready before it starts, and are not. */
  readonly waitsFor: readonly string[];
};

/** Since when each ready replica has been so in its present attempt, as this process saw it. Milliseconds since 1970. */
export type Steady = ReadonlyMap<string, { readonly attempt: number; readonly since: number }>;

/**
 * How long a replica without any check has to stay up before an operation believes it: one that exits at once must not be
 * reported as a success. In milliseconds.
 */
export const settleMs = 1_000;

export function nextSteady(before: Steady, replicas: ReadonlyMap<string, ReplicaStanding>, now: number): Steady {
  const ready = [...replicas.values()].filter((replica) => replica.state === ReplicaState.READY);
  return new Map(
    ready.map(({ id, attempt }) => {
      const known = before.get(id);
      return [id, known?.attempt === attempt ? known : { attempt, since: now }];
    }),
  );
}

export type Progress = {
  readonly targets: Target[];
  readonly state: "running" | "done" | "failed" | "superseded";
  readonly changed: boolean;
  /** When to look again at the latest, in milliseconds; undefined when only a change can move it. */
  readonly againMs: number | undefined;
};

const newer = "something newer is wanted";

export function operationProgress(
  targets: readonly Target[],
  replicas: ReadonlyMap<string, ReplicaStanding>,
  steady: Steady,
  now: number,
): Progress {
  const verdicts = targets.map((target) =>
    target.endedAt === null ? targetVerdict(target, replicas.get(target.replicaId), steady, now) : "ended",
  );
  const open = targets.filter((_target, i) => verdicts[i] === "waiting" || verdicts[i] === "settling");
  const stuck = open.every(({ replicaId }) => waitsForFailed(replicas.get(replicaId), replicas));
  const next = targets.map((target, i) => {
    const verdict = stuck && verdicts[i] === "waiting" ? "failed" : verdicts[i];
    if (verdict === "done") return { ...target, endedAt: now };
    if (verdict === "superseded") return { ...target, endedAt: now, failed: true, reason: newer };
    if (verdict !== "failed") return target;
    return { ...target, endedAt: now, failed: true, reason: replicas.get(target.replicaId)?.reason ?? "" };
  });
  const changed = next.some((target, i) => target !== targets[i]);
  const againMs = verdicts.includes("settling") ? settleMs : undefined;
  if (next.some((target) => target.endedAt === null)) return { targets: next, state: "running", changed, againMs };
  const failed = next.some((target) => target.failed && target.reason !== newer);
  const superseded = next.some((target) => target.reason === newer);
  return { targets: next, state: failed ? "failed" : superseded ? "superseded" : "done", changed, againMs };
}

type Verdict = "waiting" | "settling" | "done" | "failed" | "superseded";

function targetVerdict(target: Target, replica: ReplicaStanding | undefined, steady: Steady, now: number): Verdict {
  if (target.action === PlanAction.STOP) return replica === undefined ? "done" : "waiting";
  if (replica === undefined || replica.wish === "retire") return "superseded";
  if (replica.seenGeneration < replica.generation) return "waiting";
  if (replica.state === ReplicaState.STOPPED) return "done";
  if (replica.state === ReplicaState.FAILED) return "failed";
  if (replica.state !== ReplicaState.READY) return "waiting";
  const upMs = now - (steady.get(replica.id)?.since ?? now);
  return replica.probed || upMs >= settleMs ? "done" : "settling";
}

/** True when what it waits for failed for good, or waits itself for something that did. `above` are those that wait for it. */
function waitsForFailed(
  replica: ReplicaStanding | undefined,
  replicas: ReadonlyMap<string, ReplicaStanding>,
  above: readonly string[] = [],
): boolean {
  if (replica === undefined || above.includes(replica.id) || replica.seenGeneration < replica.generation) return false;
  const { id, group, host } = replica;
  return replica.waitsFor.some((name) => {
    const members = [...replicas.values()].filter(
      (each) => each.instance === name && each.group === group && each.host === host && each.wish === "run",
    );
    const over = (each: ReplicaStanding) =>
      (each.state === ReplicaState.FAILED && each.seenGeneration >= each.generation) ||
      waitsForFailed(each, replicas, [...above, id]);
    return members.length > 0 && members.every(over);
  });
}
