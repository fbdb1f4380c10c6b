// Where a replica stands on its host, as it is reported.
//
//               new generation (from every state)
//                     │
//                     ▼
//    ┌──────────► starting ◄───────► pulling            starting also waits for what it depends on
//    │                │                 │
//    │ time is up     ▼                 │ refused
//    │              ready ◄──► unwell   │
//    │                │          │      │
//    │                ▼          ▼      ▼
//    └─────────────────── backoff ──────────► failed    budget used up; final for the generation
//                             └─────────────► stopped   ended as its policy allows; final for the generation
//
//    A final state is left by a new generation, or when its end turns out to be the work of the engine.
//
//    stopping: it is being ended (retired, or replaced by a newer generation)      unknown: no message names it
import type { FoundContainer, Verdict, Wanted } from "./found.ts";
import type { ReplicaMemory } from "./memory.ts";
import type { StepOf } from "./step.ts";

export type State =
  | "pulling"
  | "starting"
  | "ready"
  | "unwell"
  | "backoff"
  | "stopping"
  | "stopped"
  | "failed"
  | "unknown";

/** What is being done to a replica at this moment. */
export type Activity = "pulling" | "starting" | "stopping";

export type ReplicaStatus = {
  readonly generation: number;
  readonly state: State;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** For people; empty when all is well. */
  readonly reason: string;
  /** When the next attempt is made; 0 when none waits. */
  readonly nextAttemptAt: number;
};

/** Everything there is to see of one replica. */
export type Sight = {
  readonly wanted: Wanted | undefined;
  readonly retiring: boolean;
  readonly containers: readonly FoundContainer[];
  readonly memory: ReplicaMemory | undefined;
  readonly health: { readonly attempt: number; readonly verdict: Verdict; readonly detail: string } | undefined;
  readonly activity: Activity | undefined;
  readonly wait: StepOf<"wait"> | undefined;
  /** A failure that is not the replica's own: the engine does not answer, a registry cannot be reached. */
  readonly trouble: { readonly reason: string; readonly retryAt: number } | undefined;
};

type Look = Omit<ReplicaStatus, "since">;

/** The next status out of the previous one and what is seen now. A final state of a generation stays, unless its end was taken back. */
export function next(previous: ReplicaStatus | undefined, sight: Sight, now: number): ReplicaStatus {
  const look = lookAt(sight);
  const same = previous !== undefined && previous.generation === look.generation;
  const takenBack = sight.memory?.generation === look.generation && sight.memory.final === undefined;
  if (same && isFinal(previous.state) && !takenBack && !["stopping", "unknown"].includes(look.state)) return previous;
  if (previous === undefined) return { ...look, since: sinceKept(look, sight, now) };
  const since = same && previous.state === look.state ? previous.since : now;
  return { ...look, since };
}

/** At the first sight, as after a start of the agent: since when it is so, as far as memory and containers tell. */
function sinceKept({ state, generation }: Look, { memory, containers }: Sight, now: number): number {
  const alive = containers.findLast((container) => container.phase === "running");
  const known = memory?.generation === generation ? memory : undefined;
  const times: Partial<Record<State, number | undefined>> = {
    ready: known?.readyAttempt === alive?.attempt ? known?.readyAt : undefined,
    starting: alive?.startedAt,
    backoff: known?.lastEnd?.at,
    failed: known?.final?.at,
    stopped: known?.final?.at,
  };
  return Math.min(times[state] || now, now);
}

export function isFinal(state: State): boolean {
  return state === "failed" || state === "stopped";
}

function lookAt(sight: Sight): Look {
  const { wanted, retiring, containers, memory } = sight;
  const alive = containers.findLast((container) => container.phase === "running");
  const last = alive ?? containers.at(-1);
  if (wanted === undefined) {
    const generation = last?.generation ?? memory?.generation ?? 0;
    if (retiring)
      return {
        generation,
        state: "stopping",
        reason: sight.trouble?.reason ?? "",
        nextAttemptAt: sight.trouble?.retryAt ?? 0,
      };
    const reason =
      alive === undefined
        ? `not asked for by anybody; ended with exit code ${last?.exitCode ?? 0}`
        : "not asked for by anybody";
    return { generation, state: "unknown", reason, nextAttemptAt: 0 };
  }
  if (alive !== undefined && alive.generation >= wanted.generation) return lookAlive(sight, alive);
  return lookNotRunning(sight, wanted, alive);
}

function lookAlive({ health, wait, activity }: Sight, alive: FoundContainer): Look {
  const generation = alive.generation;
  if (activity === "stopping") return { generation, state: "stopping", reason: "", nextAttemptAt: 0 };
  const known = health?.attempt === alive.attempt ? health : { verdict: "starting" as const, detail: "" };
  const reason = wait?.kind === "fenced" ? wait.reason : known.verdict === "ready" ? "" : known.detail;
  return { generation, state: known.verdict, reason, nextAttemptAt: 0 };
}

function lookNotRunning(
  { memory, activity, wait, trouble }: Sight,
  wanted: Wanted,
  older: FoundContainer | undefined,
): Look {
  const { generation } = wanted;
  const keeps = older === undefined ? "" : "; what ran before keeps running";
  const final = memory?.generation === generation ? memory.final : undefined;
  if (final !== undefined) return { generation, state: final.state, reason: final.reason + keeps, nextAttemptAt: 0 };
  if (activity !== undefined) return { generation, state: activity, reason: "", nextAttemptAt: 0 };
  if (trouble !== undefined)
    return { generation, state: "backoff", reason: trouble.reason + keeps, nextAttemptAt: trouble.retryAt };
  if (wait?.kind === "backoff")
    return { generation, state: "backoff", reason: wait.reason + keeps, nextAttemptAt: wait.until };
  return { generation, state: "starting", reason: wait?.reason ?? "", nextAttemptAt: 0 };
}
