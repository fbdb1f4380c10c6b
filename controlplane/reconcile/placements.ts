// Places what could not be placed before, when hosts come or change. Also carries out what no request waits for.
import { type RandomBytes, randomId } from "#core/ids.ts";
import { OzError } from "#core/errors.ts";
import type { Clock } from "#core/clock.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { makeSnapshot } from "../change/snapshot.ts";
import { writeChanges } from "../change/write-changes.ts";
import { planReplicas } from "../schedule/plan-replicas.ts";
import type { Strategy } from "../schedule/rank.ts";
import type { Store } from "../store/store.ts";
import type { World } from "../world.ts";

export type PlacementOptions = {
  store: Store;
  world(): Promise<World>;
  live(): readonly LiveHost[];
  clock: Clock;
  random: RandomBytes;
  strategy: Strategy;
};

/** One pass. */
export async function reconcilePlacements(options: PlacementOptions): Promise<void> {
  const world = await options.world();
  const snapshot = makeSnapshot(world, options.live());
  const changes = planReplicas(snapshot, {
    newId: () => randomId(options.random),
    strategy: options.strategy,
    restart: new Set(),
    // A definition that changed under an instance waits for the next apply, a slot that an unknown replica fills for a person.
    unasked: true,
  }).filter((change) => change.do !== "keep");
  if (changes.length === 0) return;
  try {
    await options.store.commit(world.revision, (commit) => writeChanges(commit, changes, options.clock.now()));
  } catch (error) {
    // Somebody committed first; that commit wakes this loop again.
    if (!(error instanceof OzError && error.code === "conflict")) throw error;
  }
}
