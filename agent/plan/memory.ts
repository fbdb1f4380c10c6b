// What the agent remembers about a replica between attempts. It is kept in the journal; what of it is lost is found again on the containers.
import type { FoundContainer } from "./found.ts";

/** Why an attempt ended. "refused" is a start that never became a process. */
export type EndCause = "exited" | "vanished" | "engine" | "not-ready" | "refused";

/** The end of one attempt. */
export type AttemptEnd = {
  readonly attempt: number;
  readonly cause: EndCause;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Unset when nobody knows it. */
  readonly exitCode?: number;
  readonly outOfMemory: boolean;
  /** For people. */
  readonly reason: string;
  /** Last lines, secrets masked, at most 20. */
  readonly logTail: readonly string[];
  /** True when something besides "it runs" tells that it is ready. */
  readonly probed: boolean;
};

/** What counts towards the restart budget. */
export type Budget = {
  /** Starts in a row that never became ready. */
  readonly startsWithoutReady: number;
  /** Ends in a row, for the length of the next wait. */
  readonly ends: number;
  /** True once an attempt of this generation was ready. */
  readonly everReady: boolean;
};

export type ReplicaMemory = Budget & {
  /** Generation that all counters but attempts belong to. */
  readonly generation: number;
  /** Highest attempt number ever given out. */
  readonly attempts: number;
  /** Highest attempt whose end was accounted for. */
  readonly settled: number;
  /** Starts of this generation. */
  readonly starts: number;
  readonly firstStartAt: number;
  /** Starts made after having been ready, newest last. */
  readonly startTimes: readonly number[];
  /** Attempt that was ready last; 0 for none. */
  readonly readyAttempt: number;
  readonly readyAt: number;
  /** When the next attempt may start; 0 for at once. */
  readonly nextAttemptAt: number;
  readonly lastEnd?: AttemptEnd;
  /** Counters as they were before lastEnd, so that an end can be taken back. */
  readonly beforeEnd?: Budget;
  /** Set when no further attempt of this generation is made. */
  readonly final?: { readonly state: "failed" | "stopped"; readonly reason: string; readonly at: number };
  /** Port on the host by "8000/tcp". Kept for the life of the replica. */
  readonly hostPorts: Readonly<Record<string, number>>;
  /** Stop grace of what was started last, in milliseconds. */
  readonly graceMs: number;
};

const noBudgetUsed: Budget = { startsWithoutReady: 0, ends: 0, everReady: false };

export function freshMemory(generation: number): ReplicaMemory {
  return {
    ...noBudgetUsed,
    generation,
    attempts: 0,
    settled: 0,
    starts: 0,
    firstStartAt: 0,
    startTimes: [],
    readyAttempt: 0,
    readyAt: 0,
    nextAttemptAt: 0,
    hostPorts: {},
    graceMs: 10_000,
  };
}

/** Memory for a generation: a new one begins with a full budget; attempt numbers and ports go on. */
export function forGeneration(memory: ReplicaMemory | undefined, generation: number): ReplicaMemory {
  if (memory === undefined) return freshMemory(generation);
  if (memory.generation === generation) return memory;
  const { attempts, hostPorts, graceMs } = memory;
  return { ...freshMemory(generation), attempts, settled: attempts, hostPorts, graceMs };
}

/** Brings memory in line with the containers of its replica: what runs was started, and keeps its ports. */
export function heal(memory: ReplicaMemory, containers: readonly FoundContainer[]): ReplicaMemory {
  const last = containers.reduce<FoundContainer | undefined>(
    (best, c) => (best === undefined || c.attempt > best.attempt ? c : best),
    undefined,
  );
  if (last === undefined || last.attempt <= memory.attempts) return memory;
  const ours = last.generation === memory.generation;
  const found = Object.fromEntries(
    last.ports.filter((p) => p.hostPort > 0).map((p) => [`${p.containerPort}/${p.transport}`, p.hostPort]),
  );
  return {
    ...memory,
    attempts: last.attempt,
    settled: Math.max(memory.settled, ours ? last.attempt - 1 : last.attempt),
    starts: ours ? memory.starts + 1 : memory.starts,
    firstStartAt: memory.firstStartAt || (ours ? last.startedAt : 0),
    hostPorts: { ...found, ...memory.hostPorts },
  };
}

/** Times of the starts that count within the window, with one more. */
export function noteStartTime({ everReady, startTimes }: ReplicaMemory, now: number): readonly number[] {
  return everReady ? [...startTimes, now].slice(-64) : [];
}

/** A new attempt is about to be made. */
export function noteStart(memory: ReplicaMemory, attempt: number, graceMs: number, now: number): ReplicaMemory {
  if (attempt <= memory.attempts) return { ...memory, graceMs };
  return {
    ...memory,
    attempts: attempt,
    settled: Math.max(memory.settled, attempt - 1),
    starts: memory.starts + 1,
    firstStartAt: memory.firstStartAt || now,
    startTimes: noteStartTime(memory, now),
    nextAttemptAt: 0,
    graceMs,
  };
}

/** An attempt was seen to be ready. */
export function noteReady(memory: ReplicaMemory, attempt: number, now: number): ReplicaMemory {
  return memory.readyAttempt >= attempt ? memory : { ...memory, readyAttempt: attempt, readyAt: now };
}

/** An attempt was stopped because somebody wanted it; that is no failure. */
export function noteStopped(memory: ReplicaMemory, attempt: number): ReplicaMemory {
  return { ...memory, settled: Math.max(memory.settled, attempt), attempts: Math.max(memory.attempts, attempt) };
}
