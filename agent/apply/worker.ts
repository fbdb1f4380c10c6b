// Carries out steps and deals with what goes wrong: a start that counts, another port, or trouble after which it tries again later.
import type { OzError } from "#core/errors.ts";
import type { ReplicaMemory } from "../plan/memory.ts";
import type { Step } from "../plan/step.ts";
import type { AgentBook } from "./book.ts";
import { createExecutors, type ExecutorDeps, type Executors } from "./executors.ts";
import { createLanes } from "./lanes.ts";
import { createSlots } from "./slots.ts";
import { failureOutcome } from "./step-failure.ts";
import { type Trouble, Troubles } from "./troubles.ts";

export type Worker = {
  /** Moment to compare looks with: a look that began at a tick tells nothing about works that ended later. */
  tick(): number;
  busy(replicaId: string): boolean;
  anyBusy(): boolean;
  /** True when a work on the replica is under way, or ended after that tick. */
  outdated(replicaId: string, tick: number): boolean;
  /** By id of a replica, or of a container that cannot be removed. */
  troubles(): ReadonlyMap<string, Trouble>;
  /** What of a replica's steps can be done now, and when the rest can (milliseconds since 1970; Infinity for never). */
  due(replicaId: string, steps: readonly Step[]): { due: readonly Step[]; retryAt: number };
  begin(replicaId: string, steps: readonly Step[]): void;
  /** What is wanted of the replica changed: its work ends, its troubles are forgiven. */
  reset(replicaId: string): void;
  /** What was in the way of all is gone. */
  forgiveAll(): void;
  /** Ends all work; waits at most limitMs for what cannot be ended. */
  close(limitMs: number): Promise<void>;
};

const mostStarts = 8;
const mostStops = 64;

export type WorkerDeps = Omit<ExecutorDeps, "starts" | "stops" | "book"> & {
  readonly book: AgentBook;
  /** The works on a replica ended, whichever way. */
  readonly onEnd: (replicaId: string) => void;
};

export function createWorker(deps: WorkerDeps): Worker {
  const { book, clock } = deps;
  const troubles = new Troubles(clock);
  const before = new Map<string, ReplicaMemory | undefined>();
  const failed = new Set<string>();
  const ledger = { ...deps, troubles, before, failed };
  const slots = { starts: createSlots(mostStarts), stops: createSlots(mostStops) };
  const { remove, ...others } = createExecutors({ ...deps, ...slots });

  const lanes = createLanes({
    executors: {
      ...others,
      remove: forgiving(remove, troubles),
    },
    clock,
    onFailure: (step, error) => noteFailure(ledger, step, error),
    onStep: ({ replicaId }) => before.set(replicaId, book.memory(replicaId)),
    onEnd(replicaId) {
      before.delete(replicaId);
      if (!failed.delete(replicaId)) troubles.forgive(replicaId);
      book.act(replicaId, undefined);
      deps.onEnd(replicaId);
    },
  });

  return {
    tick: () => lanes.ticks(),
    busy: (replicaId) => lanes.busy(replicaId),
    anyBusy: () => lanes.anyBusy(),
    outdated: (replicaId, tick) => lanes.busy(replicaId) || lanes.endedAt(replicaId) > tick,
    troubles: () => troubles.all(),
    due: (replicaId, steps) => troubles.due(replicaId, steps),
    begin(replicaId, steps) {
      const start = steps.find((step) => step.tag === "start-attempt");
      const memory = book.memory(replicaId);
      // Kept from now on, so that no other replica is given the same ports while this one still fetches its image.
      if (start !== undefined && memory !== undefined && Object.keys(start.hostPorts).length > 0) {
        book.remember(replicaId, { ...memory, hostPorts: start.hostPorts });
      }
      lanes.begin(replicaId, steps);
    },
    reset(replicaId) {
      lanes.abort(replicaId);
      troubles.forgive(replicaId);
    },
    forgiveAll: () => troubles.forgiveAll(),
    close: (limitMs) => lanes.close(limitMs),
  };
}

function forgiving(remove: Executors["remove"], troubles: Troubles): Executors["remove"] {
  return async (step, signal) => {
    const goesOn = await remove(step, signal);
    troubles.forgive(step.containerId);
    return goesOn;
  };
}

type Ledger = Pick<WorkerDeps, "book" | "clock" | "log"> & {
  readonly troubles: Troubles;
  /** Memories as they were before the step under way. */
  readonly before: ReadonlyMap<string, ReplicaMemory | undefined>;
  readonly failed: Set<string>;
};

function noteFailure({ book, clock, log, troubles, before, failed }: Ledger, step: Step, error: OzError): void {
  const { replicaId } = step;
  if (step.tag === "remove") {
    log.warn({ replica: replicaId, step: step.tag, code: error.code }, error.message);
    return troubles.note(step.containerId, error.message);
  }
  const outcome = failureOutcome(step, error, book.wanted(replicaId), before.get(replicaId), clock.now());
  log.warn(
    { replica: replicaId, step: step.tag, code: error.code, outcome: outcome.kind },
    `${step.tag} of ${replicaId}: ${error.message}`,
  );
  if (outcome.kind === "ports") {
    failed.add(replicaId);
    book.notePortsBusy(outcome.busy);
    troubles.notePortsTaken(replicaId, outcome.reason);
  }
  if (outcome.kind === "trouble") {
    failed.add(replicaId);
    troubles.note(replicaId, outcome.reason);
    // Whether the container exists is found by looking: memory goes back to what it was, but for the ports.
    if (step.tag !== "start-attempt") return;
    book.stage(replicaId, undefined);
    const { memory } = outcome;
    if (memory !== undefined) book.remember(replicaId, { ...memory, hostPorts: step.hostPorts });
  } else book.remember(replicaId, outcome.memory);
}
