// Compares what is wanted with what is bound and says what has to change. Applied by change/write-changes.ts, previewed by plan-steps.ts.
import type { Claim } from "#proto/inventory_pb.ts";
import type { Candidate } from "#proto/settings_pb.ts";
import { specHash } from "#core/spec-hash.ts";
import { Board } from "./board.ts";
import type { Placement, Refusal } from "./place.ts";
import type { Strategy } from "./rank.ts";
import type { InPlace } from "./respec.ts";
import type { InstanceView, ReplicaView, Snapshot, UnknownView } from "./snapshot.ts";

export type Change =
  | {
      readonly do: "create";
      readonly replica: ReplicaView;
      readonly claims: readonly Claim[];
      readonly candidates: readonly Candidate[];
    }
  | {
      readonly do: "place";
      readonly before: ReplicaView;
      readonly replica: ReplicaView;
      readonly claims: readonly Claim[];
    }
  | { readonly do: "unplaced"; readonly replica: ReplicaView; readonly candidates: readonly Candidate[] }
  | {
      readonly do: "respec";
      readonly before: ReplicaView;
      readonly replica: ReplicaView;
      readonly claims: readonly Claim[];
    }
  | {
      readonly do: "adopt";
      readonly unknown: UnknownView;
      /** The row that waited for a host in its place. */
      readonly instead: ReplicaView | undefined;
      readonly replica: ReplicaView;
      readonly claims: readonly Claim[];
    }
  | { readonly do: "retire"; readonly replica: ReplicaView; readonly why: string }
  | { readonly do: "forget"; readonly replica: ReplicaView; readonly why: string }
  /** Its new form does not fit on its host: what runs is left as it is. */
  | { readonly do: "stay"; readonly replica: ReplicaView; readonly why: string }
  | { readonly do: "keep"; readonly replica: ReplicaView };

export type PlanOptions = {
  /** Makes an id for a new replica. */
  newId(): string;
  readonly strategy: Strategy;
  /** Replica ids that get a new generation although nothing changed (`restart`). */
  readonly restart: ReadonlySet<string>;
  /** True when no person asks: what has its place keeps its spec, and a slot that an unknown replica fills waits. Default false. */
  readonly unasked?: boolean;
};

export function planReplicas(snapshot: Snapshot, options: PlanOptions): readonly Change[] {
  const board = new Board(snapshot);
  const changes: Change[] = [];
  const claimed = new Set<string>();
  const byInstance = Map.groupBy(
    snapshot.replicas.filter((r) => r.wish === "run" && r.instanceId !== null),
    (r) => r.instanceId,
  );
  if (options.unasked !== true) letGo(board, snapshot);
  for (const instance of snapshot.instances) {
    const wanted = instance.overridden ? 0 : instance.replicas;
    const present = new Map((byInstance.get(instance.id) ?? []).map((replica) => [replica.slot, replica]));
    for (let slot = 0; slot < wanted; slot++) {
      const replica = present.get(slot);
      if (replica !== undefined) claimed.add(replica.id);
      changes.push(...planSlot(board, instance, slot, replica, options));
    }
  }
  const wantedIds = new Map(snapshot.instances.map((instance) => [instance.id, instance]));
  for (const replica of snapshot.replicas) {
    if (replica.wish !== "run" || claimed.has(replica.id)) continue;
    const instance = wantedIds.get(replica.instanceId ?? "");
    const why =
      instance === undefined
        ? "no longer wanted"
        : instance.overridden
          ? "taken down"
          : `${instance.replicas} replica${instance.replicas === 1 ? "" : "s"} wanted`;
    changes.push(leave(replica, why));
  }
  return Object.freeze(changes);
}

/** Ends a replica: on a host it is retired, without one there is nothing to end. */
function leave(replica: ReplicaView, why: string): Change {
  return { do: replica.hostId === null ? "forget" : "retire", replica, why };
}

function planSlot(
  board: Board,
  instance: InstanceView,
  slot: number,
  replica: ReplicaView | undefined,
  options: PlanOptions,
): Change[] {
  if (instance.candidates.length === 0)
    return replica === undefined ? [] : [withoutForm(board, instance, replica, options)];
  if (replica === undefined || replica.hostId === null) {
    const unknown = board.takeUnknown(instance, slot);
    if (unknown === undefined)
      return [
        replica === undefined
          ? create_(board, instance, slot, options)
          : placePending(board, instance, replica, options),
      ];
    const adopted = adopt(board, instance, unknown, replica);
    if (options.unasked !== true) return [adopted];
    return replica === undefined ? [] : [{ do: "keep", replica }];
  }
  if (mustMove(board, instance, replica))
    return [{ do: "retire", replica, why: `bound to ${instance.host}` }, create_(board, instance, slot, options)];
  return [options.unasked === true ? { do: "keep", replica } : respec(board, instance, replica, options)];
}

/** What a change gives up is there for what the same change makes larger, whichever of the two is looked at first. */
function letGo(board: Board, { instances, replicas }: Snapshot): void {
  const byId = new Map(instances.map((instance) => [instance.id, instance]));
  const staying = replicas.flatMap((replica) => {
    const instance = replica.wish === "run" ? byId.get(replica.instanceId ?? "") : undefined;
    if (instance !== undefined && !leaves(board, instance, replica)) return [{ instance, replica }];
    // One that waits for a host holds nothing, and may get one with this very plan.
    if (replica.hostId !== null) board.markEnding(replica);
    return [];
  });
  for (const { instance, replica } of staying) {
    const next = board.inPlace(instance, replica);
    if (next?.fits === true && needsNoMore(next, replica)) board.replace(replica, { ...replica, spec: next.spec });
  }
}

function leaves(board: Board, instance: InstanceView, replica: ReplicaView): boolean {
  return (
    replica.hostId === null ||
    instance.overridden ||
    replica.slot >= instance.replicas ||
    mustMove(board, instance, replica)
  );
}

function needsNoMore({ spec }: Extract<InPlace, { fits: true }>, before: ReplicaView): boolean {
  return (spec.resources?.memoryBytes ?? 0n) <= (before.spec.resources?.memoryBytes ?? 0n);
}

function create_(board: Board, instance: InstanceView, slot: number, options: PlanOptions): Change {
  const placed = board.place(instance, [], undefined, options.strategy);
  const replica = board.hold({
    ...{ ...slotOf(instance, slot), id: options.newId(), generation: 1 },
    ...placedFields(placed, instance),
  });
  return { do: "create", replica, claims: placed.hostId === null ? [] : placed.claims, candidates: placed.candidates };
}

function slotOf({ id, group, name }: InstanceView, slot: number) {
  return { instanceId: id, group, instance: name, slot, wish: "run" as const, rejectedBy: [] };
}

/** A second one beside an unknown replica would be worse than none, and worse than a restart. */
function adopt(
  board: Board,
  instance: InstanceView,
  unknown: UnknownView,
  instead: ReplicaView | undefined,
): Extract<Change, { do: "adopt" }> {
  const { hostId, generation } = unknown;
  const same = instance.candidates.find((each) => each.specHash === unknown.specHash);
  const { spec, specHash: hash } = same ?? firstOf(instance);
  const replica = board.hold({
    ...{ ...slotOf(instance, unknown.slot), id: unknown.replicaId, hostId, spec, specHash: hash, reason: "" },
    generation: generation + (same === undefined ? 1 : 0),
  });
  return { do: "adopt", unknown, instead, replica, claims: board.claims(replica) };
}

function firstOf({ candidates }: InstanceView): InstanceView["candidates"][number] {
  const [first] = candidates;
  if (first === undefined) throw new Error("a slot without candidates is never planned");
  return first;
}

/** How many hosts may turn a replica down before it waits for a person. */
const rejectionsMax = 2;

function placePending(board: Board, instance: InstanceView, pending: ReplicaView, options: PlanOptions): Change {
  const again = options.restart.has(pending.id);
  const before = again ? { ...pending, rejectedBy: [] } : pending;
  if (before.rejectedBy.length >= rejectionsMax) return { do: "keep", replica: before };
  const placed = board.place(instance, before.rejectedBy, undefined, options.strategy);
  const generation = before.generation + (again ? 1 : 0);
  const replica = board.hold({ ...before, generation, ...placedFields(placed, instance) });
  if (placed.hostId !== null) return { do: "place", before, replica, claims: placed.claims };
  if (replica.reason === before.reason && replica.specHash === before.specHash) return { do: "keep", replica: before };
  return { do: "unplaced", replica, candidates: placed.candidates };
}

function placedFields(
  placed: Placement | Refusal,
  instance: InstanceView,
): Pick<ReplicaView, "hostId" | "spec" | "specHash" | "reason"> {
  if (placed.hostId !== null)
    return { hostId: placed.hostId, spec: placed.spec, specHash: specHash(placed.spec), reason: "" };
  const first = firstOf(instance);
  return { hostId: null, spec: first.spec, specHash: first.specHash, reason: placed.reason };
}

function mustMove(board: Board, instance: InstanceView, replica: ReplicaView): boolean {
  const host = board.hostName(replica.hostId);
  return host === undefined || (instance.host !== "" && instance.host !== host);
}

/** Its definition is gone: what runs goes on as it is, and a restart that is asked for is one of the same spec. */
function withoutForm(board: Board, instance: InstanceView, replica: ReplicaView, options: PlanOptions): Change {
  return replica.hostId === null ? { do: "keep", replica } : respec(board, instance, replica, options);
}

/** Same host, newest spec: a new generation when something changed, else nothing. */
function respec(board: Board, instance: InstanceView, before: ReplicaView, options: PlanOptions): Change {
  const next = board.inPlace(instance, before);
  if (next === undefined) return { do: "keep", replica: before };
  if (!next.fits) return { do: "stay", replica: before, why: next.why };
  const { spec, specHash: hash, claims } = next;
  if (hash === before.specHash && !options.restart.has(before.id)) return { do: "keep", replica: before };
  const replica = { ...before, spec, specHash: hash, generation: before.generation + 1, rejectedBy: [], reason: "" };
  board.replace(before, replica);
  return { do: "respec", before, replica, claims };
}
