// A real engine with a cluster of the test file's own: what is made is found by its label and removed after every test.
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { OzError } from "#core/errors.ts";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import type { ContainerEngine, ContainerPlan, ObservedContainer } from "../../agent/apply/engine.ts";
import { ensureBusyboxImage } from "./busybox-image.ts";
import { collectOutput } from "./collect-output.ts";
import { containerPlan, type PlanChanges } from "./container-plan.ts";
import { mustRun } from "./run-command.ts";
import { waitUntil } from "./wait-until.ts";

export type EngineUnderTest = {
  readonly clusterId: string;
  readonly engine: ContainerEngine;
  /** A plan of this cluster with a replica id of its own. */
  plan(changes?: PlanChanges): ContainerPlan;
  /** Makes the network, creates and starts; returns the id. */
  run(changes?: PlanChanges): Promise<string>;
  observed(id: string): Promise<ObservedContainer>;
  /** Waits until it ended. */
  ended(id: string): Promise<ObservedContainer>;
  /** What `docker inspect` says. */
  inspect(id: string): Promise<Record<string, any>>;
  execText(id: string, command: string[]): Promise<{ code: number; out: string }>;
  removeAll(): Promise<void>;
};

/** Call at the top of a test file: it registers the hooks that clean up. */
export function engineUnderTest(): EngineUnderTest {
  const clusterId = `t${process.pid}x${Date.now().toString(36)}`;
  const engine = createDockerEngine({ clusterId, log: quietLog, clock: systemClock });
  let nextReplica = 0;
  const under: EngineUnderTest = {
    clusterId,
    engine,
    plan: (changes = {}) => containerPlan({ clusterId, replicaId: `r${nextReplica++}`.padEnd(8, "x"), ...changes }),
    async run(changes = {}) {
      const wanted = under.plan(changes);
      await engine.ensureNetwork(wanted.spec.group);
      const id = await engine.create(wanted);
      await engine.start(id);
      return id;
    },
    async observed(id) {
      const found = (await engine.list()).find((container) => container.id === id);
      if (found === undefined) throw new Error(`${id} is not listed`);
      return found;
    },
    ended: (id) =>
      waitUntil("it ended", async () => {
        const found = await under.observed(id);
        return found.phase === "ended" ? found : undefined;
      }),
    inspect: async (id) => JSON.parse(await mustRun(["docker", "inspect", id]))[0] as Record<string, any>,
    async execText(id, command) {
      const output = collectOutput();
      const options = { command, stdin: false, tty: false, columns: 0, rows: 0, user: "" };
      const session = await engine.exec(id, options, output, new AbortController().signal);
      const code = await session.exitCode;
      return { code, out: output.out + output.err };
    },
    async removeAll() {
      for (const container of await engine.list()) {
        await engine.stop(container.id, 0);
        await engine.remove(container.id);
      }
    },
  };
  beforeAll(async () => void (await ensureBusyboxImage()));
  afterEach(under.removeAll);
  afterAll(async () => {
    await under.removeAll();
    await engine.removeUnusedNetworks(new Set());
    const left = await mustRun(["docker", "network", "ls", "-q", "--filter", `label=ozwald.cluster=${clusterId}`]);
    expect(left).toBe("");
  });
  return under;
}

/** A container that runs a script. */
export function sh(script: string, spec: PlanChanges["spec"] = {}): PlanChanges {
  return { spec: { command: ["sh", "-c", script], ...spec } };
}

/** The OzError that a call fails with; a call that succeeds fails the test. */
export async function failure(promise: Promise<unknown>): Promise<OzError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OzError);
  return thrown as OzError;
}
