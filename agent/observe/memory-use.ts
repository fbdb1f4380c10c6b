// RAM in use per replica, sampled now and then while somebody listens.
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/log.ts";
import { type Loop, startLoop } from "#core/reconcile.ts";
import { unlessAborted } from "#core/unless-aborted.ts";
import type { ContainerEngine } from "../apply/engine.ts";
import { createSlots } from "../apply/slots.ts";
import type { Survey } from "./survey.ts";

const sampleMs = 15_000;
const mostAtOnce = 4;
/** Smaller changes are not worth a report. */
const noise = 0.02;

export type MemoryUse = { bytes(): ReadonlyMap<string, number>; loop: Loop };

export function startMemoryUse(deps: {
  engine: Pick<ContainerEngine, "memoryBytes">;
  clock: Clock;
  log: Log;
  look: () => Survey | undefined;
  wanted: () => boolean;
  onChange: () => void;
}): MemoryUse {
  const { engine, clock, log, look, wanted, onChange } = deps;
  const bytes = new Map<string, number>();

  async function sample(signal: AbortSignal): Promise<void> {
    const seen = look();
    if (seen === undefined || !wanted()) return;
    const slots = createSlots(mostAtOnce);
    const running = [...seen].flatMap(([id, containers]) => {
      const alive = containers.findLast(({ phase }) => phase === "running");
      return alive === undefined ? [] : [{ id, container: alive.id }];
    });
    const alive = new Set(running.map(({ id }) => id));
    for (const id of bytes.keys()) if (!alive.has(id)) bytes.delete(id);
    let changed = false;
    const one = async (id: string, container: string) => {
      const used = await unlessAborted(engine.memoryBytes(container), signal);
      const before = bytes.get(id);
      if (used === undefined || (before !== undefined && Math.abs(used - before) <= before * noise)) return;
      bytes.set(id, used);
      changed = true;
    };
    await Promise.allSettled(running.map(({ id, container }) => slots.run(signal, () => one(id, container))));
    if (changed) onChange();
  }

  return { bytes: () => bytes, loop: startLoop({ name: "memory use", run: sample, periodMs: sampleMs, clock, log }) };
}
