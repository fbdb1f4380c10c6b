// The engine's news get lost: half of the events never come, and their stream ends again and again. What is wanted returns all the same.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { machineDocker } from "../support/cluster-containers.ts";
import { type LossyEngine, lossyEngine } from "../support/lossy-engine.ts";
import { report } from "../support/report-time.ts";

const names = ["one", "two", "three", "four"];
/** The agent looks at everything every 15 s; a restart may wait for up to a few seconds more. */
const backAgainMs = 45_000;

let engine: LossyEngine;
let cluster: Cluster;
let mode: (n: number) => boolean = (n) => n % 2 === 0;

beforeAll(async () => {
  engine = await lossyEngine("/var/run/docker.sock", (n) => mode(n));
  cluster = await startCluster();
  await cluster.addHost({ engine: { socketPath: engine.socketPath, docker: machineDocker } });
  await cluster.mustApply(busyboxSettings(...names.map((name) => ({ name }))));
});

afterAll(async () => {
  await cluster?.dispose();
  await engine?.[Symbol.asyncDispose]();
});

async function harmed(how: (container: string) => Promise<unknown>): Promise<number> {
  const before = await Promise.all(names.map((name) => cluster.container(name)));
  await Promise.all(before.map(({ id }) => how(id)));
  const began = Date.now();
  await cluster.waitFor(
    "every instance is reported ready in a new container",
    async () => {
      for (const [i, name] of names.entries()) {
        const replica = await cluster.replica(name);
        const container = await cluster.container(name).catch(() => undefined);
        if (container === undefined || container.pid === before[i]?.pid) return false;
        if (replica?.state !== ReplicaState.READY || replica.observed?.pid !== container.pid) return false;
      }
      return true;
    },
    backAgainMs,
  );
  return Date.now() - began;
}

test("half of all events are lost", async () => {
  const took = await harmed((id) => machineDocker("kill", id));
  expect(engine.lost).toBeGreaterThan(0);
  expect(engine.lost).toBeLessThan(engine.seen);
  report("four containers killed to ready again, half of the events lost", took);
});

test("no event comes at all", async () => {
  mode = () => true;
  const took = await harmed((id) => machineDocker("rm", "-f", id));
  report("four containers removed to ready again, without any event", took);
});

test("the stream of events ends while containers do", async () => {
  mode = () => false;
  const took = await harmed(async (id) => {
    engine.cut();
    await machineDocker("kill", id);
    engine.cut();
  });
  report("four containers killed to ready again, the stream cut each time", took);
});
