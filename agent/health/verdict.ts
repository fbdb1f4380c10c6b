// What the samples of a replica's checks mean. Pure. Once ready, an attempt is ready or unwell; it never goes back to starting.
//
//    starting ──every check passed──► ready ──failures in a row──► unwell ──every check passes──► ready
import type { Verdict } from "../plan/found.ts";

/** One try of one check. */
export type Sample = { readonly ok: boolean; /** What was wrong, for people. */ readonly detail: string };

/** One check over time. */
export type Tally = {
  readonly passedOnce: boolean;
  /** In a row. */ readonly failures: number;
  readonly detail: string;
};

export const noSamples: Tally = { passedOnce: false, failures: 0, detail: "" };

export function count(tally: Tally, sample: Sample): Tally {
  if (sample.ok) return { passedOnce: true, failures: 0, detail: "" };
  return { ...tally, failures: tally.failures + 1, detail: sample.detail };
}

/** A check together with the failures in a row that make a ready replica unwell. */
export type Counted = { readonly tally: Tally; readonly failureThreshold: number };

export type EngineCheck = "none" | "starting" | "healthy" | "unhealthy";

export type Judgement = {
  readonly verdict: Verdict;
  /** Why it is not ready; empty when it is. */ readonly detail: string;
};

/** No check at all: running is ready. */
export function judge(previous: Verdict, checks: readonly Counted[], engineCheck: EngineCheck): Judgement {
  const wasReady = previous !== "starting";
  if (!wasReady) {
    const waiting = checks.find(({ tally }) => !tally.passedOnce || tally.failures > 0);
    if (waiting !== undefined) return { verdict: "starting", detail: waiting.tally.detail };
    if (engineCheck === "starting" || engineCheck === "unhealthy")
      return { verdict: "starting", detail: "its health check has not passed yet" };
    return { verdict: "ready", detail: "" };
  }
  const failing = checks.find(({ tally, failureThreshold }) => tally.failures >= failureThreshold);
  if (failing !== undefined) return { verdict: "unwell", detail: failing.tally.detail };
  if (engineCheck === "unhealthy") return { verdict: "unwell", detail: "its health check fails" };
  // Fewer failures than it takes do not make it unwell, and do not make it well either.
  const unsure = previous === "unwell" && checks.find(({ tally }) => tally.failures > 0);
  return unsure ? { verdict: "unwell", detail: unsure.tally.detail } : { verdict: "ready", detail: "" };
}
