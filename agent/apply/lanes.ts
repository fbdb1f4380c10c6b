// Works on a replica are one after the other; works on different replicas go on at the same time.
import type { Clock } from "#core/clock.ts";
import { sleep } from "#core/clock.ts";
import { type OzError, toOzError } from "#core/errors.ts";
import type { Step } from "../plan/step.ts";
import type { Executors } from "./executors.ts";

export type Lanes = {
  busy(replicaId: string): boolean;
  anyBusy(): boolean;
  /** Count of sequences that ended so far; with endedAt it tells whether an observation is older than a work. */
  ticks(): number;
  /** Tick at which the last sequence of a replica ended; 0 for never. */
  endedAt(replicaId: string): number;
  /** Works through steps of one replica. Does nothing while the replica is busy. */
  begin(replicaId: string, steps: readonly Step[]): void;
  /** Ends the sequence of a replica as soon as it can be. */
  abort(replicaId: string): void;
  /** Ends all; waits at most limitMs for what cannot be ended. */
  close(limitMs: number): Promise<void>;
};

export type LanesDeps = {
  readonly executors: Executors;
  readonly clock: Clock;
  /** Called right before each step. */
  readonly onStep: (step: Step) => void;
  /** A step threw; the rest of its sequence is dropped. Not called when the sequence was aborted. */
  readonly onFailure: (step: Step, error: OzError) => void;
  /** A sequence ended, whichever way. */
  readonly onEnd: (replicaId: string) => void;
};

export function createLanes(deps: LanesDeps): Lanes {
  const { executors, clock, onStep, onFailure, onEnd } = deps;
  const running = new Map<string, { abort: AbortController; done: Promise<void> }>();
  const ended = new Map<string, number>();
  let ticks = 0;
  let closed = false;

  async function work(steps: readonly Step[], signal: AbortSignal): Promise<void> {
    for (const step of steps) {
      if (signal.aborted) return;
      onStep(step);
      try {
        if (!(await execute(executors, step, signal))) return;
      } catch (error) {
        if (!signal.aborted) onFailure(step, toOzError(error));
        return;
      }
    }
  }

  return {
    busy: (replicaId) => running.has(replicaId),
    anyBusy: () => running.size > 0,
    ticks: () => ticks,
    endedAt: (replicaId) => ended.get(replicaId) ?? 0,
    begin(replicaId, steps) {
      if (closed || running.has(replicaId) || steps.length === 0) return;
      const abort = new AbortController();
      const done = work(steps, abort.signal).finally(() => {
        running.delete(replicaId);
        ended.set(replicaId, ++ticks);
        onEnd(replicaId);
      });
      running.set(replicaId, { abort, done });
    },
    abort(replicaId) {
      running.get(replicaId)?.abort.abort();
    },
    async close(limitMs) {
      closed = true;
      const all = [...running.values()];
      for (const { abort } of all) abort.abort();
      const timeout = new AbortController();
      await Promise.race([Promise.allSettled(all.map(({ done }) => done)), sleep(clock, limitMs, timeout.signal)]);
      timeout.abort();
    },
  };
}

/** Gives a step to its executor. The table is total, so the tag decides alone. */
function execute(executors: Executors, step: Step, signal: AbortSignal): Promise<boolean> {
  const executor = executors[step.tag] as (step: Step, signal: AbortSignal) => Promise<boolean>;
  return executor(step, signal);
}
