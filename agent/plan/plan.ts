// The plan of a host: for every replica the next steps, out of what is wanted, found and remembered. Pure; equal input gives equal steps.
//
// What no message names is left alone. A newer generation replaces an older one stop-first, after its image is on the host.
import { type Desired, type Facts, type FoundContainer, type Wanted } from "./found.ts";
import { missingDependencies, waitReason } from "./dependencies.ts";
import { forGeneration, heal, type ReplicaMemory } from "./memory.ts";
import { choosePorts, portKey } from "./ports.ts";
import { duringOutage, endReason, restartLimits } from "./restart.ts";
import type { Step, StepOf, StopReason, WaitKind } from "./step.ts";

/** Ended attempts that keep their container, for its logs. */
const keptAttempts = 3;
const startupTimeoutMs = 120_000;

export type PlanInput = {
  readonly desired: Desired;
  readonly found: readonly FoundContainer[];
  readonly memory: ReadonlyMap<string, ReplicaMemory>;
  readonly facts: Facts;
  /** Milliseconds since 1970. */
  readonly now: number;
};

type Situation = PlanInput & { readonly owners: Map<number, string> };

/** Next steps of every replica, in order per replica; steps of different replicas do not depend on each other. */
export function plan(input: PlanInput): readonly Step[] {
  const containers = Map.groupBy(input.found, (container) => container.replicaId);
  const situation = { ...input, owners: portOwners(input) };
  const { run, retire } = input.desired;
  const wanted = [...run.values()].toSorted((a, b) => (a.replicaId < b.replicaId ? -1 : 1));
  const steps = wanted.flatMap((each) => planReplica(each, byAttempt(containers.get(each.replicaId)), situation));
  for (const id of [...retire].filter((each) => !run.has(each)).toSorted()) {
    steps.push(...planRetire(byAttempt(containers.get(id)), input.memory.get(id)));
  }
  for (const id of [...input.memory.keys()].filter((each) => !run.has(each) && !containers.has(each)).toSorted()) {
    steps.push({ tag: "forget", replicaId: id });
  }
  return Object.freeze(steps.map((step) => Object.freeze(step)));
}

function byAttempt(containers: readonly FoundContainer[] | undefined): readonly FoundContainer[] {
  return (containers ?? []).toSorted((a, b) => a.attempt - b.attempt || (a.id < b.id ? -1 : 1));
}

function planReplica(wanted: Wanted, containers: readonly FoundContainer[], situation: Situation): Step[] {
  const { replicaId, generation } = wanted;
  const memory = heal(forGeneration(situation.memory.get(replicaId), generation), containers);
  const alive = containers.filter((container) => container.phase === "running");
  const tidy = removals(containers, memory, generation);
  const newer = alive.find((container) => container.generation > generation);
  if (newer !== undefined) {
    return [
      wait(replicaId, 0, "fenced", "a newer change of it runs here than the one that is asked for; it is left alone"),
      ...tidy,
    ];
  }
  const current = alive.findLast((container) => container.generation === generation);
  if (current !== undefined) {
    const others = alive.filter((container) => container !== current);
    const stops = others.map((other) => stop(other, memory, other.generation < generation ? "replace" : "twin"));
    return [...stops, ...watchStart(wanted, current, memory, situation), ...tidy];
  }
  return [...startNext(wanted, containers, memory, situation), ...tidy];
}

/** Nothing of the wanted generation runs. */
function startNext(
  wanted: Wanted,
  containers: readonly FoundContainer[],
  memory: ReplicaMemory,
  situation: Situation,
): Step[] {
  const { replicaId, generation } = wanted;
  if (memory.final !== undefined) return [];
  const ended = recordEnd(wanted, containers, memory, situation);
  if (ended !== undefined) return [ended];
  const { minMs, maxMs } = restartLimits(wanted.spec.restart);
  const leftMs = memory.nextAttemptAt - situation.now;
  // A wait longer than its policy allows is the work of a clock that jumped.
  if (leftMs > 0 && leftMs <= Math.max(minMs, maxMs)) {
    return [wait(replicaId, memory.nextAttemptAt, "backoff", memory.lastEnd?.reason ?? "")];
  }
  const fetch: Step[] =
    situation.facts.staged.get(replicaId) === generation ? [] : [{ tag: "fetch-image", replicaId, generation }];
  const missing = missingDependencies(wanted, situation);
  if (missing.length > 0) {
    const waitsFor = missing.map(({ name }) => name);
    return [...fetch, { ...wait(replicaId, 0, "dependency", waitReason(missing)), waitsFor }];
  }
  const { ports } = wanted.spec;
  const hostPorts = choosePorts(ports, memory.hostPorts, takenByOthers(replicaId, situation));
  const homeless = ports.find((port) => hostPorts[portKey(port)] === undefined);
  if (homeless !== undefined) {
    return [
      ...fetch,
      wait(
        replicaId,
        situation.now + 30_000,
        "ports",
        `no free host port for ${portKey(homeless)} from 11000 to 11999`,
      ),
    ];
  }
  for (const port of Object.values(hostPorts)) situation.owners.set(port, replicaId);
  const outdated = containers.filter((container) => container.phase === "running");
  const unstarted = containers.find(
    (each) => each.phase === "created" && each.generation === generation && each.attempt > memory.settled,
  );
  const attempt = unstarted?.attempt ?? memory.attempts + 1;
  const stops = outdated.map((container) => stop(container, memory, "replace"));
  return [...fetch, ...stops, { tag: "start-attempt", replicaId, generation, attempt, hostPorts }];
}

/** The end of the last attempt, if it was not accounted for. */
function recordEnd(
  wanted: Wanted,
  containers: readonly FoundContainer[],
  memory: ReplicaMemory,
  situation: Situation,
): Step | undefined {
  const { replicaId, generation, spec } = wanted;
  const { now, facts } = situation;
  const ended = containers.findLast(
    (each) => each.phase === "ended" && each.generation === generation && each.attempt > memory.settled,
  );
  if (ended !== undefined) {
    const { id, attempt, exitCode, outOfMemory } = ended;
    const at = ended.endedAt || now;
    const cause = duringOutage(at, facts.outages, ended.startedAt) ? "engine" : "exited";
    const reason = endReason(ended, cause, spec);
    return {
      tag: "record-end",
      replicaId,
      generation,
      containerId: id,
      attempt,
      cause,
      at,
      exitCode,
      outOfMemory,
      reason,
    };
  }
  const { attempts, settled } = memory;
  if (attempts <= settled || containers.some((each) => each.attempt === attempts)) return undefined;
  const reason = "its container was removed by somebody else";
  const vanished = { containerId: "", attempt: attempts, cause: "vanished", at: now, exitCode: undefined } as const;
  return { tag: "record-end", replicaId, generation, ...vanished, outOfMemory: false, reason };
}

/** A start that shows no sign of progress for too long is ended. The log is looked at only when the deadline comes. */
function watchStart(wanted: Wanted, current: FoundContainer, memory: ReplicaMemory, situation: Situation): Step[] {
  const { replicaId, generation, spec } = wanted;
  const { facts, now } = situation;
  const { id: containerId, attempt } = current;
  const health = facts.health.get(replicaId);
  if (health !== undefined && health.attempt === attempt && health.verdict !== "starting") return [];
  const timeoutMs = Number(spec.health?.startupTimeoutMs ?? 0n) || startupTimeoutMs;
  const seen = facts.progress.get(replicaId);
  const progress = seen?.attempt === attempt ? seen : { at: 0, checkedAt: 0 };
  const deadline = Math.max(current.startedAt, progress.at) + timeoutMs;
  if (now < deadline) return [wait(replicaId, deadline, "startup", "")];
  if (progress.checkedAt < deadline) return [{ tag: "check-progress", replicaId, containerId, attempt }];
  const reason = `not ready, and no sign of progress for ${Math.round(timeoutMs / 1000)} s`;
  const end = {
    containerId,
    attempt,
    cause: "not-ready",
    at: now,
    exitCode: undefined,
    outOfMemory: false,
    reason,
  } as const;
  return [stop(current, memory, "not-ready"), { tag: "record-end", replicaId, generation, ...end }];
}

function planRetire(containers: readonly FoundContainer[], memory: ReplicaMemory | undefined): Step[] {
  const alive = containers.filter((container) => container.phase === "running");
  // What runs ends first: an old attempt that cannot be removed must not keep it alive.
  return [...alive.map((container) => stop(container, memory, "retire")), ...containers.map(remove)];
}

/** Containers of old attempts, but for the newest few. What may still have to be accounted for stays. */
function removals(containers: readonly FoundContainer[], memory: ReplicaMemory, generation: number): Step[] {
  const open = (each: FoundContainer) => each.attempt > memory.settled && each.generation === generation;
  const past = containers.filter((each) => each.phase !== "running" && !open(each));
  const old = past.slice(0, Math.max(0, past.length - keptAttempts));
  return old.map(remove);
}

function portOwners({ desired, found, memory }: PlanInput): Map<number, string> {
  const owners = new Map<number, string>();
  for (const [replicaId, { hostPorts }] of memory)
    for (const port of Object.values(hostPorts)) owners.set(port, replicaId);
  for (const { replicaId, spec } of desired.run.values()) {
    for (const port of spec.ports) if (port.hostPort > 0) owners.set(port.hostPort, replicaId);
  }
  for (const container of found) {
    if (container.phase === "running")
      for (const port of container.ports) owners.set(port.hostPort, container.replicaId);
  }
  return owners;
}

function takenByOthers(replicaId: string, { owners, facts }: Situation): Set<number> {
  const foreign = [...facts.listeningPorts].filter((port) => !owners.has(port));
  const others = [...owners].filter(([, owner]) => owner !== replicaId).map(([port]) => port);
  return new Set([...facts.busyPorts, ...foreign, ...others]);
}

function stop(container: FoundContainer, memory: ReplicaMemory | undefined, why: StopReason): Step {
  const { replicaId, id, attempt } = container;
  return { tag: "stop", replicaId, containerId: id, attempt, graceMs: memory?.graceMs ?? 10_000, why };
}

function remove({ replicaId, id, attempt }: FoundContainer): Step {
  return { tag: "remove", replicaId, containerId: id, attempt };
}

function wait(replicaId: string, until: number, kind: WaitKind, reason: string): StepOf<"wait"> {
  return { tag: "wait", replicaId, until, kind, reason };
}
