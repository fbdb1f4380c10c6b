// One executor for every step. Each looks again whether its step still holds right before it acts, and answers false when it does not:
// then the rest of its sequence is dropped and a new plan is made.
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { PullPolicy } from "#proto/spec_pb.ts";
import { forGeneration, noteStart, noteStopped } from "../plan/memory.ts";
import { afterEnd, isProbed } from "../plan/restart.ts";
import type { StepOf, StepTag } from "../plan/step.ts";
import type { Book } from "./book.ts";
import type { ContainerEngine } from "./engine.ts";
import type { Failpoint } from "./failpoint.ts";
import type { ImagePulls } from "./image-pulls.ts";
import { lastLineAt, maskedTail } from "./log-tail.ts";
import type { Slots } from "./slots.ts";

export type Executors = { readonly [Tag in StepTag]: (step: StepOf<Tag>, signal: AbortSignal) => Promise<boolean> };

export type ExecutorDeps = {
  readonly engine: ContainerEngine;
  readonly book: Book;
  readonly pulls: ImagePulls;
  /** Bounds creates and starts. */
  readonly starts: Slots;
  /** Bounds stops. */
  readonly stops: Slots;
  readonly clusterId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly failpoint: Failpoint;
};

export function createExecutors(deps: ExecutorDeps): Executors {
  return {
    "fetch-image": (step, signal) => fetchImage(deps, step, signal),
    "start-attempt": (step, signal) => startAttempt(deps, step, signal),
    stop: (step, signal) => stop(deps, step, signal),
    "record-end": (step) => recordEnd(deps, step),
    "check-progress": (step, signal) => checkProgress(deps, step, signal),
    remove: (step) => remove(deps, step),
    forget: (step) => forget(deps, step),
    wait: async () => true,
  };
}

async function fetchImage(deps: ExecutorDeps, step: StepOf<"fetch-image">, signal: AbortSignal): Promise<boolean> {
  const { engine, book, pulls, failpoint } = deps;
  const wanted = book.wanted(step.replicaId);
  if (wanted?.generation !== step.generation) return false;
  const { image, pullPolicy, registryLogins } = wanted.spec;
  const asked = pullPolicy === PullPolicy.ALWAYS && (book.memory(step.replicaId)?.starts ?? 0) === 0;
  let local = asked ? undefined : await engine.resolveImage(image);
  if (local === undefined) {
    if (pullPolicy === PullPolicy.NEVER) {
      const hint = "Load it there (docker load, docker build), or let the service pull it.";
      throw new OzError("image_missing", `image ${image} is not on this host, and the service never pulls`, { hint });
    }
    await failpoint("pull");
    book.act(step.replicaId, "pulling");
    await pulls.pull(image, registryLogins, signal);
    await failpoint("pulled");
    local = await engine.resolveImage(image);
  }
  if (local === undefined) throw new OzError("image_missing", `image ${image} was fetched and is not on this host`);
  book.stage(step.replicaId, { generation: step.generation, image: local.image });
  return true;
}

async function startAttempt(deps: ExecutorDeps, step: StepOf<"start-attempt">, signal: AbortSignal): Promise<boolean> {
  const { engine, book, starts, failpoint, clock } = deps;
  const { replicaId, generation, attempt, hostPorts } = step;
  const stillWanted = () => !signal.aborted && book.wanted(replicaId)?.generation === generation;
  return starts.run(signal, async () => {
    const wanted = book.wanted(replicaId);
    const staged = book.staged(replicaId);
    if (!stillWanted() || wanted === undefined || staged?.generation !== generation) return false;
    const { spec, slot, specHash } = wanted;
    const memory = forGeneration(book.memory(replicaId), generation);
    book.remember(replicaId, {
      ...noteStart(memory, attempt, Number(spec.stopGraceMs) || 10_000, clock.now()),
      hostPorts,
    });
    book.act(replicaId, "starting");
    if (spec.security?.hostNetwork !== true) {
      await failpoint("network");
      await engine.ensureNetwork(spec.group);
    }
    await failpoint("create");
    const { clusterId } = deps;
    const id = await engine.create({
      clusterId,
      replicaId,
      generation,
      attempt,
      slot,
      spec,
      specHash,
      image: staged.image,
      hostPorts,
    });
    await failpoint("created");
    if (!stillWanted()) return false;
    await failpoint("start");
    await engine.start(id);
    await failpoint("started");
    return true;
  });
}

async function stop(deps: ExecutorDeps, step: StepOf<"stop">, signal: AbortSignal): Promise<boolean> {
  const { engine, book, stops, failpoint, log } = deps;
  const { replicaId, containerId, attempt, graceMs, why } = step;
  const holds = () => (why === "retire" ? book.retiring(replicaId) : book.wanted(replicaId) !== undefined);
  if (!holds()) return false;
  book.act(replicaId, "stopping");
  return stops.run(signal, async () => {
    if (!holds()) return false;
    log.info({ replica: replicaId, attempt, why }, `stopping ${replicaId} (${why})`);
    await failpoint("stop");
    await engine.stop(containerId, graceMs);
    await failpoint("stopped");
    const memory = book.memory(replicaId);
    // A start that was given up is an end that counts; the others are what somebody wanted.
    if (memory !== undefined && why !== "not-ready") book.remember(replicaId, noteStopped(memory, attempt));
    return true;
  });
}

async function recordEnd(deps: ExecutorDeps, step: StepOf<"record-end">): Promise<boolean> {
  const { engine, book, clock, failpoint, log } = deps;
  const { tag: _, replicaId, generation, containerId, ...end } = step;
  const wanted = book.wanted(replicaId);
  if (wanted?.generation !== generation) return false;
  await failpoint("record");
  const logTail = containerId === "" ? [] : await maskedTail(engine, containerId, wanted.spec);
  const memory = forGeneration(book.memory(replicaId), generation);
  if (memory.settled >= step.attempt) return true;
  const probed = isProbed(wanted.spec);
  const { exitCode, ...known } = end;
  const after = afterEnd(
    memory,
    { ...known, logTail, probed, ...(exitCode === undefined ? {} : { exitCode }) },
    wanted.spec.restart,
    clock.now(),
  );
  book.remember(replicaId, after);
  log.info(
    { replica: replicaId, attempt: step.attempt, final: after.final?.state },
    `${wanted.spec.instance} ended: ${end.reason}`,
  );
  await failpoint("recorded");
  return true;
}

async function checkProgress(
  deps: ExecutorDeps,
  step: StepOf<"check-progress">,
  signal: AbortSignal,
): Promise<boolean> {
  const { engine, book, clock } = deps;
  const { replicaId, containerId, attempt } = step;
  const checkedAt = clock.now();
  const at = await lastLineAt(engine, containerId, signal);
  book.noteProgress(replicaId, { attempt, at, checkedAt });
  return true;
}

async function remove({ engine, failpoint }: ExecutorDeps, step: StepOf<"remove">): Promise<boolean> {
  await failpoint("remove");
  await engine.remove(step.containerId);
  await failpoint("removed");
  return true;
}

async function forget({ engine, book, failpoint }: ExecutorDeps, { replicaId }: StepOf<"forget">): Promise<boolean> {
  if (book.wanted(replicaId) !== undefined) return false;
  await failpoint("forget");
  book.remember(replicaId, undefined);
  await engine.removeUnusedNetworks(book.groupsInUse());
  await failpoint("forgotten");
  return true;
}
