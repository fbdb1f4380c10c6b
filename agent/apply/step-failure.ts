// What a failed step means: a start that counts towards the budget, another port, or trouble that is not the replica's own. Pure.
import type { OzError } from "#core/errors.ts";
import type { Wanted } from "../plan/found.ts";
import { forGeneration, noteStartTime, type ReplicaMemory } from "../plan/memory.ts";
import { portKey } from "../plan/ports.ts";
import { afterEnd } from "../plan/restart.ts";
import type { Step } from "../plan/step.ts";

export type FailureOutcome =
  /** A start that never became a process. */
  | { readonly kind: "counted"; readonly memory: ReplicaMemory }
  /** Automatic ports were taken by something foreign: others are tried. Nothing is held against the replica. */
  | {
      readonly kind: "ports";
      readonly memory: ReplicaMemory;
      readonly busy: readonly number[];
      readonly reason: string;
    }
  /** Try again later; nothing is held against the replica. */
  | { readonly kind: "trouble"; readonly memory: ReplicaMemory | undefined; readonly reason: string };

/** What the replica itself, or its settings, must change. All else may pass by itself. */
const own: ReadonlySet<string> = new Set([
  "image_missing",
  "registry_refused",
  "engine_refused",
  "port_taken",
  "bad_request",
  "not_supported",
]);

/** `before` is the memory as it was when the sequence began. */
export function failureOutcome(
  step: Step,
  error: OzError,
  wanted: Wanted | undefined,
  before: ReplicaMemory | undefined,
  now: number,
): FailureOutcome {
  const reason = error.hint === "" ? error.message : `${error.message.replace(/\.$/, "")} (${error.hint})`;
  const trouble = { kind: "trouble", memory: before, reason } as const;
  if (wanted === undefined || (step.tag !== "fetch-image" && step.tag !== "start-attempt")) return trouble;
  if (step.generation !== wanted.generation || !own.has(error.code)) return trouble;
  const memory = forGeneration(before, wanted.generation);
  const attempt = step.tag === "start-attempt" ? step.attempt : memory.attempts;
  if (step.tag === "start-attempt" && error.code === "image_missing") return trouble; // it was there a moment ago: fetch it again
  if (step.tag === "start-attempt" && error.code === "port_taken") {
    const busy = busyAutomaticPorts(step.hostPorts, error.port, wanted);
    if (busy.length > 0) {
      const kept = Object.entries(step.hostPorts).filter(([, port]) => !busy.includes(port));
      const hostPorts = Object.fromEntries(kept);
      return { kind: "ports", busy, reason, memory: { ...memory, attempts: attempt, settled: attempt, hostPorts } };
    }
  }
  const started = {
    ...memory,
    attempts: Math.max(memory.attempts, attempt),
    starts: memory.starts + 1,
    firstStartAt: memory.firstStartAt || now,
    startTimes: noteStartTime(memory, now),
  };
  const end = { attempt, cause: "refused", at: now, outOfMemory: false, reason, logTail: [], probed: true } as const;
  return { kind: "counted", memory: afterEnd(started, end, wanted.spec.restart, now) };
}

/**
 * Automatic ports that the error is about. None when it is about a fixed port, also when it does not tell and there is a fixed one:
 * others would be tried for ever while that one is taken.
 */
function busyAutomaticPorts(
  hostPorts: Readonly<Record<string, number>>,
  named: number | undefined,
  { spec }: Wanted,
): readonly number[] {
  const fixed = new Set(spec.ports.filter((port) => port.hostPort > 0).map(portKey));
  const all = Object.entries(hostPorts);
  const meant = all.filter(([, port]) => port === named);
  if (meant.length > 0) return meant.filter(([key]) => !fixed.has(key)).map(([, port]) => port);
  return fixed.size > 0 ? [] : all.map(([, port]) => port);
}
