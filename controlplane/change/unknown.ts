// Decides about replicas that run and that nobody asked for: take them back, or end them.
import { OzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { instanceSubject } from "../store/events.ts";
import { insertReplica } from "../store/replicas.ts";
import type { Store } from "../store/store.ts";
import type { UnknownView } from "../schedule/snapshot.ts";
import type { World } from "../world.ts";
import { findInstance } from "./edits.ts";
import { candidatesFor, unknownReplicas } from "./snapshot.ts";

/** Unknown replicas of a host; one of them when an id (or the beginning of one) is given. */
export function selectUnknown(
  world: World,
  live: readonly LiveHost[],
  hostName: string,
  replicaId: string,
): { host: LiveHost; unknown: UnknownView[] } {
  const row = world.hosts.find((h) => h.name === hostName && h.state === "active");
  const host = live.find((h) => h.hostId === row?.id);
  if (row === undefined)
    throw new OzError("not_found", `no host ${hostName}`, {
      hint: suggestion(
        hostName,
        world.hosts.map((h) => h.name),
      ),
    });
  if (host === undefined || host.state !== "online")
    throw new OzError("unavailable", `${hostName} is not online`, {
      hint: "Its replicas can be decided about when its agent answers: ozctl hosts",
    });
  const all = unknownReplicas(world, live).filter((u) => u.hostId === host.hostId);
  const unknown =
    replicaId === "" ? all : all.filter((u) => u.replicaId.startsWith(replicaId) || u.instance === replicaId);
  if (replicaId !== "" && unknown.length === 0) {
    throw new OzError("not_found", `no unknown replica ${replicaId} on ${hostName}`, {
      hint: suggestion(
        replicaId,
        all.map((u) => u.replicaId),
      ),
    });
  }
  return { host, unknown };
}

/** Throws when an unknown replica cannot be taken back as it is: nothing asks for it, or what asks for it says something else. */
export function requireAdoptable(world: World, unknown: readonly UnknownView[]): void {
  for (const replica of unknown) {
    const row = findInstance(world, replica.group, replica.instance);
    if (row === undefined || replica.slot >= row.replicas) {
      throw new OzError(
        "precondition",
        `nothing asks for ${replica.instance} (group ${replica.group}, replica ${replica.slot})`,
        {
          hint: "Apply settings that name it, or end it: ozctl retire",
        },
      );
    }
    const taken = world.replicas.some(
      (r) => r.instanceId === row.id && r.slot === replica.slot && r.wish === "run" && r.hostId !== null,
    );
    if (taken)
      throw new OzError("precondition", `another replica has the place of ${replica.instance} already`, {
        hint: "End this one: ozctl retire",
      });
    if (!candidatesFor(row, world).some(({ specHash }) => specHash === replica.specHash))
      throw new OzError("precondition", `${replica.instance} runs with other settings than those that ask for it now`, {
        hint: "Apply them: that takes it back and restarts it, and the plan says so. Or end it: ozctl retire",
      });
  }
}

/** Ends unknown replicas: rows that are only there to be retired. */
export async function retireUnknown(
  store: Store,
  unknown: readonly UnknownView[],
  actor: string,
  now: number,
): Promise<void> {
  await store.commit(undefined, async ({ trx, event }) => {
    for (const replica of unknown) {
      await insertReplica(trx, {
        id: replica.replicaId,
        instance_id: null,
        group_name: replica.group,
        instance_name: replica.instance,
        slot: replica.slot,
        host_id: replica.hostId,
        generation: replica.generation,
        spec: "{}",
        spec_hash: replica.specHash,
        claims: "[]",
        wish: "retire",
        rejected_by: "[]",
        reason: "",
        observed: "",
        created_at: now,
      });
      await event({
        kind: "replica.retired",
        subject: instanceSubject(replica.group, replica.instance),
        message: `unknown replica ${replica.replicaId} is being ended`,
        actor,
      });
    }
  });
}
