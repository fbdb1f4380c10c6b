// Runs the probes of everything that runs, each in its own rhythm, and keeps a verdict per attempt.
import type { Clock } from "#core/clock.ts";
import { sleep } from "#core/clock.ts";
import type { Probe } from "#proto/spec_pb.ts";
import type { Verdict } from "../plan/found.ts";
import type { ProbeTarget, RunProbe } from "./probe.ts";
import { type Counted, count, type EngineCheck, judge, noSamples } from "./verdict.ts";

/** An attempt that runs. */
export type HealthTarget = ProbeTarget & {
  readonly replicaId: string;
  readonly attempt: number;
  readonly probes: readonly Probe[];
  readonly engineCheck: EngineCheck;
  /** True when this attempt was ready before this process began: it starts out as ready. */
  readonly wasReady: boolean;
};

export type HealthFact = {
  readonly attempt: number;
  readonly verdict: Verdict;
  readonly since: number;
  readonly detail: string;
};

export type HealthChecker = {
  /** The attempts that run now; loops of others end. */
  sync(targets: readonly HealthTarget[]): void;
  verdicts(): ReadonlyMap<string, HealthFact>;
  [Symbol.asyncDispose](): Promise<void>;
};

type Watched = {
  target: HealthTarget;
  fact: HealthFact;
  counted: Counted[];
  abort: AbortController;
  loops: Promise<void>[];
};

const readyIntervalMs = 10_000;
const startingIntervalMs = 1_000;
/** The first tries come faster, so that a quick start is seen at once. */
const firstIntervalMs = 100;

/** onChange is called when a verdict changes. */
export function createHealthChecker(deps: { run: RunProbe; clock: Clock; onChange: () => void }): HealthChecker {
  const { run, clock, onChange } = deps;
  const watched = new Map<string, Watched>();
  const ending = new Set<Promise<unknown>>();

  function settle(entry: Watched): boolean {
    const { verdict, detail } = judge(entry.fact.verdict, entry.counted, entry.target.engineCheck);
    const changed = verdict !== entry.fact.verdict;
    entry.fact = { ...entry.fact, verdict, detail, since: changed ? clock.now() : entry.fact.since };
    return changed;
  }

  async function loop(entry: Watched, index: number, probe: Probe): Promise<void> {
    const { signal } = entry.abort;
    for (let tries = 0; !signal.aborted; tries++) {
      const sample = await run(entry.target, probe, signal);
      if (signal.aborted) return;
      const before = entry.counted[index];
      if (before !== undefined) entry.counted[index] = { ...before, tally: count(before.tally, sample) };
      if (settle(entry)) onChange();
      await sleep(clock, intervalMs(probe, entry.fact.verdict, tries), signal);
    }
  }

  function begin(target: HealthTarget): void {
    const counted = target.probes.map((probe) => ({ tally: noSamples, failureThreshold: probe.failureThreshold || 3 }));
    const verdict = target.wasReady ? "ready" : "starting";
    const fact: HealthFact = { attempt: target.attempt, verdict, since: clock.now(), detail: "" };
    const entry: Watched = { target, fact, counted, abort: new AbortController(), loops: [] };
    settle(entry);
    watched.set(target.replicaId, entry);
    entry.loops = target.probes.map((probe, index) => loop(entry, index, probe));
  }

  function end(replicaId: string, entry: Watched): void {
    watched.delete(replicaId);
    entry.abort.abort();
    const done: Promise<unknown> = Promise.all(entry.loops).finally(() => ending.delete(done));
    ending.add(done);
  }

  return {
    sync(targets) {
      const wanted = new Map(targets.map((target) => [target.replicaId, target]));
      for (const [id, entry] of watched) if (!sameTarget(entry.target, wanted.get(id))) end(id, entry);
      for (const target of targets) {
        const entry = watched.get(target.replicaId);
        if (entry === undefined) begin(target);
        else {
          entry.target = target;
          settle(entry);
        }
      }
    },
    verdicts: () => new Map([...watched].map(([id, { fact }]) => [id, fact])),
    async [Symbol.asyncDispose]() {
      for (const [id, entry] of watched) end(id, entry);
      await Promise.allSettled(ending);
    },
  };
}

function sameTarget(a: HealthTarget, b: HealthTarget | undefined): boolean {
  return b !== undefined && a.containerId === b.containerId && a.attempt === b.attempt;
}

function intervalMs(probe: Probe, verdict: Verdict, tries: number): number {
  if (probe.intervalMs > 0n) return Number(probe.intervalMs);
  return verdict === "starting"
    ? Math.min(startingIntervalMs, firstIntervalMs * 2 ** Math.min(tries, 10))
    : readyIntervalMs;
}
