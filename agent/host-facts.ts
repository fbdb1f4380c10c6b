// Inventory and telemetry in their rhythm: the inventory now and then and when the engine comes or goes, telemetry as the control plane
// asks for it.
import { clone, create, equals } from "@bufbuild/protobuf";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/log.ts";
import { startLoop } from "#core/reconcile.ts";
import { unlessAborted } from "#core/unless-aborted.ts";
import { EngineSchema, type Inventory, InventorySchema } from "#proto/inventory_pb.ts";
import type { ContainerEngine } from "./apply/engine.ts";
import type { GpuReader } from "./host/gpu-reader.ts";
import { readInventory } from "./host/inventory.ts";
import { createTelemetry } from "./host/telemetry.ts";
import type { AgentLink } from "./link/session.ts";

const inventoryMs = 60_000;
const fastestTelemetryMs = 1_000;

export type HostFacts = {
  /** The inventory as it was read last; read now when it was not yet. */
  inventory(): Promise<Inventory>;
  /** Bytes there are of each resource that is known. */
  totals(): ReadonlyMap<string, number>;
  /** Reads the inventory again soon. Why the engine cannot be used (empty: it can) is told at once. */
  look(engineProblem?: string): void;
  setTelemetryMs(periodMs: number): void;
  [Symbol.asyncDispose](): Promise<void>;
};

export function startHostFacts(deps: {
  engine: ContainerEngine;
  gpu: GpuReader;
  clock: Clock;
  log: Log;
  link: () => Pick<AgentLink, "inventory" | "telemetry" | "state"> | undefined;
}): HostFacts {
  const { engine, gpu, clock, log, link } = deps;
  let known: Inventory | undefined;
  let telemetryMs = 15_000;
  let source: { root: string; telemetry: ReturnType<typeof createTelemetry> } | undefined;

  async function read(): Promise<Inventory> {
    return keep(await readInventory({ engine, gpu }));
  }

  function keep(next: Inventory): Inventory {
    if (known === undefined || !equals(InventorySchema, known, next)) {
      known = next;
      link()?.inventory(next);
    }
    return next;
  }

  async function sample(signal: AbortSignal): Promise<number> {
    const to = link();
    // While connecting too: the first report then has numbers.
    if (to !== undefined && ["connecting", "ready"].includes(to.state().state)) {
      const root = known?.engine?.root ?? "";
      if (source?.root !== root) source = { root, telemetry: createTelemetry({ clock, gpu, diskPath: root }) };
      to.telemetry(await unlessAborted(source.telemetry.sample(), signal));
    }
    return telemetryMs;
  }

  const inventoryLoop = startLoop({
    name: "inventory",
    run: async (signal) => void (await unlessAborted(read(), signal)),
    periodMs: inventoryMs,
    clock,
    log,
  });
  const telemetryLoop = startLoop({ name: "telemetry", run: sample, periodMs: 60_000, clock, log });
  return {
    inventory: async () => known ?? read(),
    totals() {
      const totals = new Map<string, number>();
      if (known?.memoryBytes !== undefined) totals.set("ram", Number(known.memoryBytes));
      for (const { id, vramBytes } of known?.devices ?? [])
        if (vramBytes !== undefined) totals.set(id, Number(vramBytes));
      return totals;
    },
    look(engineProblem = "") {
      // An engine that hangs takes its time to not answer once more.
      if (engineProblem !== "" && known !== undefined) keep(withEngineProblem(known, engineProblem));
      inventoryLoop.wake();
    },
    setTelemetryMs(periodMs) {
      telemetryMs = Math.max(fastestTelemetryMs, periodMs);
      telemetryLoop.wake();
    },
    async [Symbol.asyncDispose]() {
      await telemetryLoop[Symbol.asyncDispose]();
      await inventoryLoop[Symbol.asyncDispose]();
    },
  };
}

function withEngineProblem(inventory: Inventory, problem: string): Inventory {
  const next = clone(InventorySchema, inventory);
  next.engine ??= create(EngineSchema);
  next.engine.error = problem;
  return next;
}
