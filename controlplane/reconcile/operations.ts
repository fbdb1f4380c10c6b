// Moves operations on as replicas do, and ends them.
import type { Clock } from "#core/clock.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import type { Health } from "#proto/spec_pb.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { runningOperations, updateOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { type OperationRow, targetsFromJson } from "../view/operation-view.ts";
import { replicaViews } from "../view/replica-view.ts";
import type { World } from "../world.ts";
import {
  nextSteady,
  operationProgress,
  type Progress,
  type ReplicaStanding,
  type Steady,
} from "./operation-progress.ts";

export type OperationsOptions = {
  store: Store;
  world(): Promise<World>;
  live(): readonly LiveHost[];
  clock: Clock;
};

/** One pass each call; remembers in between only since when replicas have been up. Returns when to run again at the latest. */
export function createOperationsPass(options: OperationsOptions): () => Promise<number | undefined> {
  let steady: Steady = new Map();
  return async () => {
    const running = await options.store.read(runningOperations);
    if (running.length === 0) return undefined;
    const standings = replicaStandings(await options.world(), options.live());
    const now = options.clock.now();
    steady = nextSteady(steady, standings, now);
    const looked = running.map((row) => ({
      row,
      progress: operationProgress(targetsFromJson(row.targets), standings, steady, now),
    }));
    await writeProgress(options.store, looked, now);
    const waits = looked.flatMap(({ progress }) => progress.againMs ?? []);
    return waits.length === 0 ? undefined : Math.min(...waits);
  };
}

type Looked = { readonly row: OperationRow; readonly progress: Progress };

async function writeProgress(store: Store, looked: readonly Looked[], now: number): Promise<void> {
  const moved = looked.filter(({ progress }) => progress.changed || progress.state !== "running");
  if (moved.length === 0) return;
  await store.commit(undefined, async ({ trx, event }) => {
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
  const stored = new Map(world.replicas.map((replica) => [replica.id, replica]));
  return new Map(
    replicaViews(world, live).map((replica) => [
      replica.id,
      {
        id: replica.id,
        instance: replica.instance,
        group: replica.group,
        host: replica.host,
        generation: Number(replica.generation),
        wish: stored.get(replica.id)?.wish ?? "run",
        state: replica.state,
        seenGeneration: Number(replica.observed?.generation ?? 0n),
        reason: replica.reason,
        attempt: replica.observed?.attempt ?? 0,
        probed: isProbed(stored.get(replica.id)?.spec.health),
        waitsFor: replica.state === ReplicaState.STARTING ? (replica.observed?.waitsFor ?? []) : [],
      },
    ]),
  );
}

function isProbed(health: Health | undefined): boolean {
  const check = health?.containerCheck;
  return (health?.probes.length ?? 0) > 0 || (check !== undefined && !check.disabled && check.test.length > 0);
}
