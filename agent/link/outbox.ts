// What the control plane does not know yet. The latest state of a replica wins; a new stream begins with everything.
import { create } from "@bufbuild/protobuf";
import { type Report, ReportSchema } from "#proto/agent_pb.ts";
import type { Inventory, Telemetry } from "#proto/inventory_pb.ts";
import type { Observed } from "#proto/replicas_pb.ts";

export type Outbox = {
  /** Takes in what changed and what is gone from the host. */
  put(changed: readonly Observed[], gone: readonly string[]): void;
  setInventory(inventory: Inventory): void;
  setTelemetry(telemetry: Telemetry): void;
  /** A new stream begins: nothing of what was sent counts. Call before its Hello is made. */
  rewind(): void;
  /** The picture in the Hello; if complete, what it does not hold is dropped. What was put since rewind is newer and stays. */
  seed(observed: readonly Observed[], complete: boolean): void;
  /**
   * The next report; undefined when there is nothing to say or too many reports wait for an answer. The first of a stream
   * is full if `complete` says that the picture is whole; until then only what changed is told.
   */
  next(complete: boolean): Report | undefined;
  acknowledged(sequence: bigint): void;
  /** Everything of this host as it was put. */
  picture(): ReadonlyMap<string, Observed>;
};

/** Reports without an answer; more would only queue what is old by then. */
const mostUnanswered = 4n;

export function createOutbox(): Outbox {
  const picture = new Map<string, Observed>();
  /** Replicas that changed → sequence of the report that told it last, 0 when none did. */
  const changes = new Map<string, bigint>();
  const sinceRewind = new Set<string>();
  let inventory: { value: Inventory; sentIn: bigint } | undefined;
  let telemetry: Telemetry | undefined;
  let sequence = 0n;
  let answered = 0n;
  let toldAll = false;

  function report(full: boolean): Report {
    sequence += 1n;
    const ids = full ? [...picture.keys()] : [...changes].filter(([, sentIn]) => sentIn === 0n).map(([id]) => id);
    const unsent = inventory?.sentIn === 0n ? inventory : undefined;
    const message = create(ReportSchema, {
      sequence,
      full,
      changed: ids.flatMap((id) => picture.get(id) ?? []),
      // Also in a full one: it may cross an order, so that not being named in it says less.
      gone: (full ? [...changes.keys()] : ids).filter((id) => !picture.has(id)),
      ...(unsent === undefined ? {} : { inventory: unsent.value }),
      ...(telemetry === undefined ? {} : { telemetry }),
    });
    for (const id of full ? changes.keys() : ids) changes.set(id, sequence);
    if (unsent !== undefined) unsent.sentIn = sequence;
    telemetry = undefined;
    toldAll ||= full;
    return message;
  }

  return {
    put(changed, gone) {
      for (const seen of changed) picture.set(seen.replicaId, seen);
      for (const id of gone) picture.delete(id);
      for (const id of [...changed.map((seen) => seen.replicaId), ...gone]) {
        changes.set(id, 0n);
        sinceRewind.add(id);
      }
    },
    setInventory: (value) => void (inventory = { value, sentIn: 0n }),
    setTelemetry: (value) => void (telemetry = value),
    rewind() {
      sequence = answered = 0n;
      toldAll = false;
      sinceRewind.clear();
      for (const id of changes.keys()) changes.set(id, 0n);
      if (inventory !== undefined) inventory.sentIn = 0n;
    },
    seed(observed, complete) {
      if (complete) for (const id of [...picture.keys()]) if (!sinceRewind.has(id)) picture.delete(id);
      for (const seen of observed) if (!sinceRewind.has(seen.replicaId)) picture.set(seen.replicaId, seen);
    },
    next(complete) {
      if (sequence - answered >= mostUnanswered) return undefined;
      if (complete && !toldAll) return report(true);
      const news = [...changes.values()].includes(0n) || inventory?.sentIn === 0n || telemetry !== undefined;
      return news ? report(false) : undefined;
    },
    acknowledged(upTo) {
      if (upTo > answered && upTo <= sequence) answered = upTo;
      for (const [id, sentIn] of changes) if (sentIn !== 0n && sentIn <= upTo) changes.delete(id);
      if (inventory !== undefined && inventory.sentIn !== 0n && inventory.sentIn <= upTo) inventory = undefined;
    },
    picture: () => picture,
  };
}
