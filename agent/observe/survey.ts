// One look at the host, sorted by replica, and what each replica's status and report follow from it.
import type { Observed } from "#proto/replicas_pb.ts";
import type { ObservedContainer } from "../apply/engine.ts";
import type { AgentBook } from "../apply/book.ts";
import type { ImagePulls } from "../apply/image-pulls.ts";
import type { Trouble } from "../apply/troubles.ts";
import type { HealthFact, HealthTarget } from "../health/checker.ts";
import { next, type ReplicaStatus } from "../plan/replica-state.ts";
import type { Wanted } from "../plan/found.ts";
import type { StepOf } from "../plan/step.ts";
import { toObserved } from "./report.ts";

export type Survey = ReadonlyMap<string, readonly ObservedContainer[]>;

/** Containers by replica, oldest attempt first. */
export function survey(found: readonly ObservedContainer[]): Survey {
  const sorted = found.toSorted((a, b) => a.attempt - b.attempt || (a.id < b.id ? -1 : 1));
  return Map.groupBy(sorted, (container) => container.replicaId);
}

/** What has to be checked: the running container of each wanted replica. */
export function healthTargets(look: Survey, book: AgentBook): HealthTarget[] {
  return [...book.desired.run.values()].flatMap((wanted) => {
    const alive = look
      .get(wanted.replicaId)
      ?.findLast(({ phase, generation }) => phase === "running" && generation >= wanted.generation);
    if (alive === undefined) return [];
    const memory = book.memory(wanted.replicaId);
    return [
      {
        replicaId: wanted.replicaId,
        attempt: alive.attempt,
        containerId: alive.id,
        probes: alive.generation === wanted.generation ? (wanted.spec.health?.probes ?? []) : [],
        engineCheck: alive.check,
        wasReady:
          memory !== undefined && memory.generation === alive.generation && memory.readyAttempt === alive.attempt,
        reach: (port: number) => reach(alive, wanted, port),
      },
    ];
  });
}

/** Where the agent reaches a port of a container: on its group network, else where it is published. */
export function reach(
  container: ObservedContainer,
  wanted: Wanted | undefined,
  port: number,
): { address: string; port: number } | undefined {
  if (wanted?.spec.security?.hostNetwork === true) return { address: "127.0.0.1", port };
  if (container.address !== "") return { address: container.address, port };
  const published = container.ports.find(
    ({ containerPort, transport, hostPort }) => containerPort === port && transport === "tcp" && hostPort > 0,
  );
  if (published === undefined) return undefined;
  const address = ["", "0.0.0.0", "::"].includes(published.hostAddress) ? "127.0.0.1" : published.hostAddress;
  return { address, port: published.hostPort };
}

export type StatusSources = {
  readonly look: Survey;
  readonly book: AgentBook;
  readonly pulls: ImagePulls;
  readonly health: ReadonlyMap<string, HealthFact>;
  readonly waits: ReadonlyMap<string, StepOf<"wait">>;
  readonly troubles: ReadonlyMap<string, Trouble>;
  readonly memoryBytes: ReadonlyMap<string, number>;
  readonly now: number;
};

/** Statuses and reports of everything wanted or found. `previous` is carried on and changed in place. */
export function describe(
  sources: StatusSources,
  previous: Map<string, ReplicaStatus>,
  keep: ReadonlyMap<string, Observed>,
): Observed[] {
  const { look, book, pulls, now } = sources;
  const ids = new Set([...book.desired.run.keys(), ...look.keys()]);
  for (const id of previous.keys()) if (!ids.has(id)) previous.delete(id);
  return [...ids].map((replicaId) => {
    const kept = keep.get(replicaId);
    if (kept !== undefined) return kept;
    const wanted = book.wanted(replicaId);
    const containers = look.get(replicaId) ?? [];
    const memory = book.memory(replicaId);
    const sight = {
      wanted,
      retiring: book.retiring(replicaId),
      containers,
      memory,
      health: sources.health.get(replicaId),
      activity: book.activity(replicaId),
      wait: sources.waits.get(replicaId),
      trouble: troubleOf(sources, replicaId),
    };
    const status = next(previous.get(replicaId), sight, now);
    previous.set(replicaId, status);
    const pull = wanted === undefined ? undefined : pulls.status(wanted.spec.image);
    return toObserved({
      replicaId,
      status,
      wanted,
      memory,
      containers,
      pull,
      memoryBytes: sources.memoryBytes.get(replicaId),
      waitsFor: status.state === "starting" ? (sight.wait?.waitsFor ?? []) : [],
    });
  });
}

/** Of the replica, or, when all that is left to do is removing, of what cannot be removed. */
function troubleOf({ troubles, book, look }: StatusSources, replicaId: string): Trouble | undefined {
  const left = book.retiring(replicaId) ? (look.get(replicaId) ?? []) : [];
  return [replicaId, ...left.map(({ id }) => id)].map((id) => troubles.get(id)).find((each) => each !== undefined);
}
