// Moves operations on as replicas do, and ends them.
import type { Clock } from "#core/clock.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { runningOperations, updateOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { targetsFromJson } from "../view/operation-view.ts";
import { replicaViews } from "../view/replica-view.ts";
import type { World } from "../world.ts";
import { operationProgress, type ReplicaStanding } from "./operation-progress.ts";

export async function reconcileOperations(options: {
  store: Store;
  world(): Promise<World>;
  live(): readonly LiveHost[];
  clock: Clock;
}): Promise<void> {
  const running = await options.store.read(runningOperations);
  if (running.length === 0) return;
  const world = await options.world();
  const standings = replicaStandings(world, options.live());
  const now = options.clock.now();
  const moved = running
    .map((row) => ({ row, progress: operationProgress(targetsFromJson(row.targets), standings, now) }))
    .filter(({ progress }) => progress.changed || progress.state !== "running");
  if (moved.length === 0) return;
  await options.store.commit(undefined, async ({ trx, event }) => {
    for (const { row, progress } of moved) {
      const ended = progress.state !== "running";
      await updateOperation(trx, row.id, {
        targets: JSON.stringify(progress.targets),
        state: progress.state,
        ended_at: ended ? now : null,
      });
      if (ended)
        await event({
          kind: `operation.${progress.state}`,
          subject: `operation/${row.id}`,
          message: `${row.title}: ${progress.state}`,
        });
    }
  });
}

export function replicaStandings(world: World, live: readonly LiveHost[]): ReadonlyMap<string, ReplicaStanding> {
  const wishes = new Map(world.replicas.map((replica) => [replica.id, replica.wish]));
  return new Map(
    replicaViews(world, live).map((replica) => [
      replica.id,
      {
        id: replica.id,
        generation: Number(replica.generation),
        wish: wishes.get(replica.id) ?? "run",
        state: replica.state,
        seenGeneration: Number(replica.observed?.generation ?? 0n),
        reason: replica.reason,
      },
    ]),
  );
}
