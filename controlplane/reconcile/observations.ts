// Writes what hosts report when it means something: a new state, an end, a replica that is gone. Never per heartbeat.
import { equals, toJsonString } from "@bufbuild/protobuf";
import { type Inventory, InventorySchema } from "#proto/inventory_pb.ts";
import { type Observed, ObservedSchema, ReplicaState } from "#proto/replicas_pb.ts";
import type { Clock } from "#core/clock.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { instanceSubject } from "../store/events.ts";
import { updateHost } from "../store/hosts.ts";
import { deleteReplica, updateReplica } from "../store/replicas.ts";
import type { Commit, NewEvent, Store } from "../store/store.ts";
import type { StoredHost, StoredReplica, World } from "../world.ts";

type Effect = (commit: Commit) => Promise<unknown>;

export async function reconcileObservations(options: {
  store: Store;
  world(): Promise<World>;
  live(): readonly LiveHost[];
  clock: Clock;
}): Promise<void> {
  const world = await options.world();
  const effects: Effect[] = [];
  for (const host of options.live()) {
    const row = world.hosts.find((h) => h.id === host.hostId);
    if (row !== undefined) effects.push(...hostEffects(row, host));
    if (host.state !== "online") continue;
    for (const replica of world.replicas) {
      if (replica.hostId === host.hostId) effects.push(...replicaEffects(replica, host, row?.name ?? host.hostId));
    }
  }
  if (effects.length === 0) return;
  await options.store.commit(undefined, async (commit) => {
    for (const effect of effects) await effect(commit);
  });
}

function hostEffects(row: StoredHost, host: LiveHost): Effect[] {
  const effects: Effect[] = [];
  if (host.state !== "online" && host.since > row.last_heard_at)
    effects.push(({ trx }) => updateHost(trx, row.id, { last_heard_at: host.since }));
  if (host.inventory !== undefined && !knows(row, host, host.inventory)) {
    const inventory = toJsonString(InventorySchema, host.inventory);
    const { agentVersion: agent_version, address, bootId: last_boot_id } = host;
    effects.push(({ trx }) => updateHost(trx, row.id, { inventory, agent_version, address, last_boot_id }));
  }
  return effects;
}

function knows(row: StoredHost, host: LiveHost, inventory: Inventory): boolean {
  const same = row.inventory !== undefined && equals(InventorySchema, row.inventory, inventory);
  return same && row.agent_version === host.agentVersion && row.address === host.address;
}

function replicaEffects(replica: StoredReplica, host: LiveHost, hostName: string): Effect[] {
  const seen = host.observed.get(replica.id);
  if (seen === undefined) {
    // Retired and nothing is left of it. A host that does not obey has not done that for us, and one that was told to run it and has
    // not said a word about it may be starting it: an order that no longer names it would leave that running for ever.
    return replica.wish === "retire" && host.obeys && host.reportedFully && !host.asked.has(replica.id)
      ? [({ trx }) => deleteReplica(trx, replica.id)]
      : [];
  }
  if (!worthWriting(replica.observed, seen)) return [];
  const event = eventFor(replica, seen, hostName);
  return [
    ({ trx }) => updateReplica(trx, replica.id, { observed: toJsonString(ObservedSchema, stored(seen)) }),
    ...(event === undefined ? [] : [(commit: Commit) => commit.event(event)]),
  ];
}

/** Progress and memory in use stay in memory only. */
function stored(seen: Observed): Observed {
  const { pull: _pull, memoryBytes: _memory, ...rest } = seen;
  return rest as Observed;
}

function worthWriting(before: Observed | undefined, now: Observed): boolean {
  return (
    before === undefined ||
    before.state !== now.state ||
    before.generation !== now.generation ||
    before.attempt !== now.attempt ||
    before.reason !== now.reason ||
    before.container !== now.container
  );
}

function eventFor(replica: StoredReplica, now: Observed, hostName: string): NewEvent | undefined {
  const before = replica.observed;
  if (before !== undefined && before.state === now.state && before.generation === now.generation) return undefined;
  const kind = eventKinds[now.state];
  if (kind === undefined) return undefined;
  const why = now.reason === "" ? "" : `: ${now.reason}`;
  return {
    kind: `replica.${kind}`,
    subject: instanceSubject(replica.group, replica.instance),
    message: `${replica.instance} ${words[kind] ?? kind} on ${hostName}${why}`,
  };
}

const eventKinds: Partial<Record<ReplicaState, string>> = {
  [ReplicaState.PULLING]: "pulling",
  [ReplicaState.STARTING]: "starting",
  [ReplicaState.READY]: "ready",
  [ReplicaState.UNWELL]: "unwell",
  [ReplicaState.BACKOFF]: "backoff",
  [ReplicaState.STOPPED]: "stopped",
  [ReplicaState.FAILED]: "failed",
};

const words: Record<string, string> = {
  pulling: "fetches its image",
  starting: "starts",
  ready: "is ready",
  unwell: "is unwell",
  // Also when nothing ran that could have ended: its image cannot be had, or the engine did not start it.
  backoff: "does not run, and is tried again soon",
  stopped: "stopped",
  failed: "failed",
};
