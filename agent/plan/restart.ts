// The restart policy: what an ended attempt means for the next one. Waits double from 1 s to 5 min and begin anew after 10 min of
// health. A replica that was never ready has a budget of starts; one that was has a budget of starts within a window.
import { backoffCeilingMs } from "#core/backoff.ts";
import { formatBytes, formatDuration } from "#core/units.ts";
import { type ReplicaSpec, RestartCondition, type RestartPolicy } from "#proto/spec_pb.ts";
import type { FoundContainer, Outage } from "./found.ts";
import type { AttemptEnd, EndCause, ReplicaMemory } from "./memory.ts";

/** Health this long wipes the slate. */
const healthyAgainMs = 600_000;
/** Without any check, "it runs" counts as having been ready only after this long; else an exit at once would look like a success. */
const provenMs = 10_000;
/** A clean engine stop ends containers before it stops answering, and an engine that comes back ends those it lost. */
const outageBeforeMs = 20_000;
const outageAfterMs = 10_000;

export type RestartLimits = {
  readonly condition: RestartCondition;
  readonly startsWithoutReady: number;
  readonly startsInWindow: number;
  readonly windowMs: number;
  readonly minMs: number;
  readonly maxMs: number;
};

/** The policy with its defaults filled in. */
export function restartLimits(policy: RestartPolicy | undefined): RestartLimits {
  return {
    condition: policy?.condition || RestartCondition.ALWAYS,
    startsWithoutReady: policy?.maxStartsWithoutReady || 5,
    startsInWindow: policy?.maxStartsInWindow || 12,
    windowMs: Number(policy?.windowMs ?? 0n) || 600_000,
    minMs: Number(policy?.backoffMinMs ?? 0n) || 1_000,
    maxMs: Number(policy?.backoffMaxMs ?? 0n) || 300_000,
  };
}

/** True when something looks whether it is ready; else running alone says so. A check that is switched off looks at nothing. */
export function isProbed({ health }: ReplicaSpec): boolean {
  const check = health?.containerCheck;
  const engineLooks = check !== undefined && !check.disabled && check.test.length > 0;
  return engineLooks || (health?.probes.length ?? 0) > 0;
}

/** Memory after an attempt ended: when the next one starts, or why there is none. */
export function afterEnd(
  memory: ReplicaMemory,
  seen: AttemptEnd,
  policy: RestartPolicy | undefined,
  now: number,
): ReplicaMemory {
  const limits = restartLimits(policy);
  const at = Math.min(seen.at, now);
  // The sentence goes on: "…, after 5 starts in 31 s".
  const end = { ...seen, reason: seen.reason.replace(/\.$/, "") };
  const { startsWithoutReady, ends, everReady } = memory;
  const ended = {
    ...memory,
    settled: Math.max(memory.settled, end.attempt),
    lastEnd: { ...end, at },
    beforeEnd: { startsWithoutReady, ends, everReady },
  };
  if (memory.final !== undefined) return ended;
  if (end.cause === "engine") return { ...ended, startTimes: memory.startTimes.slice(0, -1), nextAttemptAt: now };
  const over = overByCondition(end, limits);
  if (over !== undefined) return { ...ended, final: { ...over, at: now } };
  return counted(ended, { ...end, at }, limits, now);
}

function counted(memory: ReplicaMemory, end: AttemptEnd, limits: RestartLimits, now: number): ReplicaMemory {
  const seenReady = end.cause !== "refused" && end.attempt > 0 && memory.readyAttempt === end.attempt;
  const wasReady = seenReady && (end.probed || end.at - memory.readyAt >= provenMs);
  const begunAnew = wasReady && end.at - memory.readyAt >= healthyAgainMs;
  const waits = begunAnew ? 0 : memory.ends;
  const everReady = memory.everReady || wasReady;
  const startsWithoutReady = wasReady ? 0 : memory.startsWithoutReady + 1;
  const next = { ...memory, ends: waits + 1, everReady, startsWithoutReady };
  const usedUp = everReady
    ? startsInWindow(next, limits, now) >= limits.startsInWindow
    : startsWithoutReady >= limits.startsWithoutReady;
  if (!usedUp) return { ...next, nextAttemptAt: end.at + waitMs(next, end, limits) };
  return { ...next, final: { state: "failed", reason: usedUpReason(next, end, limits, now), at: now } };
}

/**
 * The curve alone would outgrow the window, and its budget could never be used up. After having been ready, attempts that end sooner
 * than the budget allows on average (50 s) are therefore started that often at least.
 */
function waitMs({ ends, everReady, startTimes }: ReplicaMemory, end: AttemptEnd, limits: RestartLimits): number {
  const ceilingMs = backoffCeilingMs(limits, ends - 1);
  const ranMs = end.at - (startTimes.at(-1) ?? end.at);
  const leftMs = Math.floor(limits.windowMs / limits.startsInWindow) - ranMs;
  return everReady && leftMs > 0 ? Math.max(limits.minMs, Math.min(ceilingMs, leftMs)) : ceilingMs;
}

function startsInWindow({ startTimes }: ReplicaMemory, { windowMs }: RestartLimits, now: number): number {
  return startTimes.filter((time) => time > now - windowMs).length;
}

function usedUpReason(memory: ReplicaMemory, end: AttemptEnd, limits: RestartLimits, now: number): string {
  if (memory.everReady)
    return `${end.reason}, after ${startsInWindow(memory, limits, now)} starts in ${formatDuration(limits.windowMs)}`;
  const tries = `${memory.startsWithoutReady} ${memory.startsWithoutReady === 1 ? "start" : "starts"}`;
  return `${end.reason}, after ${tries}${memory.firstStartAt > 0 ? ` in ${formatDuration(now - memory.firstStartAt)}` : ""}`;
}

function overByCondition(
  end: AttemptEnd,
  limits: RestartLimits,
): { state: "failed" | "stopped"; reason: string } | undefined {
  const well = end.cause === "exited" && end.exitCode === 0;
  if (limits.condition === RestartCondition.ALWAYS) return undefined;
  if (well) return { state: "stopped", reason: "ended with exit code 0, as its restart policy allows" };
  if (limits.condition === RestartCondition.ON_FAILURE) return undefined;
  return { state: "failed", reason: `${end.reason}, and its restart policy is never` };
}

/** True when an end at that time is the work of the container engine or of a reboot, not of the replica, which began at startedAt. */
export function duringOutage(at: number, outages: readonly Outage[], startedAt = 0): boolean {
  return outages.some(({ from, to }) => startedAt < to && at >= from - outageBeforeMs && at <= to + outageAfterMs);
}

/**
 * Takes back an end that was accounted for before it was known that the engine was going away, a final one too: an engine that stops
 * politely makes its containers end with exit code 0, and refuses what is asked of it meanwhile. What was final before a reboot stays:
 * how long before, nobody knows.
 */
export function takeBackEnd(memory: ReplicaMemory, outages: readonly Outage[], now: number): ReplicaMemory {
  const { final, ...open } = memory;
  const { lastEnd, beforeEnd } = open;
  if (lastEnd === undefined || beforeEnd === undefined || !undone.has(lastEnd.cause)) return memory;
  // An end after it was known is accounted for as what it is.
  const known = outages.filter(({ from, to }) => lastEnd.at <= to && (final === undefined || from > 0));
  if (open.attempts !== lastEnd.attempt || !duringOutage(lastEnd.at, known)) return memory;
  return {
    ...open,
    ...beforeEnd,
    lastEnd: { ...lastEnd, cause: "engine", reason: engineReason },
    startTimes: open.startTimes.slice(0, -1),
    nextAttemptAt: now,
  };
}

/** What the work of an engine that goes away looks like. */
const undone: ReadonlySet<EndCause> = new Set(["exited", "refused"]);
const engineReason = "the container engine or the host restarted";

/** Why an attempt ended, for people. */
export function endReason(container: FoundContainer, cause: EndCauseSeen, spec: ReplicaSpec | undefined): string {
  if (cause === "engine") return engineReason;
  if (container.outOfMemory) {
    const limit = spec?.resources?.memoryBytes ?? 0n;
    return `out of memory${limit > 0n ? ` (limit ${formatBytes(limit)})` : ""}`;
  }
  if (container.error !== "") return container.error;
  const signal = container.exitCode > 128 && container.exitCode < 160 ? signals[container.exitCode - 128] : undefined;
  return `exit code ${container.exitCode}${signal === undefined ? "" : ` (${signal})`}`;
}

export type EndCauseSeen = "exited" | "engine";

const signals: Record<number, string> = { 6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated" };
