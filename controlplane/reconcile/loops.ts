// Starts every loop of the control plane and wakes each by what concerns it.
import type { Clock, Timer } from "#core/clock.ts";
import type { RandomBytes } from "#core/ids.ts";
import type { Log } from "#core/log.ts";
import { type Loop, startLoop } from "#core/reconcile.ts";
import type { AgentHub } from "../agents/hub.ts";
import type { Strategy } from "../schedule/rank.ts";
import { prune } from "../store/prune.ts";
import type { Store } from "../store/store.ts";
import type { World } from "../world.ts";
import { createAssigner } from "./assignments.ts";
import { reconcileObservations } from "./observations.ts";
import { createOperationsPass } from "./operations.ts";
import { reconcilePlacements } from "./placements.ts";
import { takeRejections } from "./rejections.ts";

export type LoopsOptions = {
  store: Store;
  hub: AgentHub;
  world(): Promise<World>;
  clock: Clock;
  random: RandomBytes;
  strategy: Strategy;
  log: Log;
  /** Called after anything a watcher could see changed. */ onChange(): void;
};

const periodMs = 30_000;
/** Watchers hear a report before it is written: a commit waits for the disk and holds up everything else meanwhile. */
const tellFirstMs = 5;
const pruneMs = 3_600_000;

export function startLoops(options: LoopsOptions): AsyncDisposable {
  const { store, hub, clock, log, world } = options;
  const live = () => hub.hosts();
  const assign = createAssigner(hub, () => ({ epoch: store.epoch, incarnation: store.incarnation }));
  const start = (name: string, run: () => Promise<number | undefined | void>, every = periodMs): Loop =>
    startLoop({ name, run, periodMs: every, clock, log });
  const loops = {
    assignments: start("assignments", async () => {
      const now = await world();
      assign(
        now,
        now.hosts.map((host) => host.id),
      );
    }),
    observations: start("observations", () => reconcileObservations({ store, world, live, clock })),
    placements: start("placements", () => reconcilePlacements({ ...options, live })),
    operations: start("operations", createOperationsPass({ store, world, live, clock })),
    retention: start("retention", async () => void (await prune(store, { now: clock.now() })), pruneMs),
  };
  const commits = store.onCommit(() => {
    loops.assignments.wake();
    loops.placements.wake();
    loops.operations.wake();
    options.onChange();
  });
  let writing: Timer | undefined;
  const write = () => {
    writing = undefined;
    loops.observations.wake();
    loops.operations.wake();
  };
  const hosts = hub.onChange((_hostId, what) => {
    options.onChange();
    if (what === "state") loops.placements.wake();
    if (what !== "telemetry") writing ??= clock.after(tellFirstMs, write);
  });
  const rejections = hub.onRejected((hostId, result) => {
    takeRejections({ store, world }, hostId, result).catch((error: unknown) =>
      log.error({ err: error, hostId }, "a rejection was not written; the agent says it again after its next hello"),
    );
  });
  return {
    async [Symbol.asyncDispose]() {
      commits[Symbol.dispose]();
      hosts[Symbol.dispose]();
      writing?.cancel();
      rejections[Symbol.dispose]();
      await Promise.all(Object.values(loops).map((loop) => loop[Symbol.asyncDispose]()));
    },
  };
}
