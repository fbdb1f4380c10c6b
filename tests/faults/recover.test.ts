// kill -9 costs nothing: of a container, of the agent, of the control plane, also in the middle of a change.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OperationState } from "#proto/operations_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { busyboxSettings, stays } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { machineDocker, type SeenContainer } from "../support/cluster-containers.ts";
import { report } from "../support/report-time.ts";

let cluster: Cluster;
let agent: ClusterAgent;

const three = [{ name: "one" }, { name: "two" }, { name: "three" }];

beforeAll(async () => {
  cluster = await startCluster();
  agent = await cluster.addHost();
  await cluster.mustApply(busyboxSettings(...three));
});

afterAll(() => cluster?.dispose());

/** What must not change while somebody else dies. */
async function lives(): Promise<string[]> {
  const running = (await cluster.containers()).filter((container) => container.running);
  return running.map(({ instance, pid, startedAt, id }) => `${instance} ${pid} ${startedAt} ${id}`).toSorted();
}

async function readyAgain(instance: string, before: SeenContainer, timeoutMs = 15_000) {
  return cluster.waitFor(
    `${instance} is ready again`,
    async () => {
      const replica = await cluster.replica(instance);
      const isNew = replica?.observed?.pid !== before.pid && replica?.observed?.pid !== 0;
      return replica?.state === ReplicaState.READY && isNew ? replica : undefined;
    },
    timeoutMs,
    20,
  );
}

describe("a container that dies", () => {
  test("docker kill: it runs again after the delay of the first restart, 1 s, and little more", async () => {
    const before = await cluster.container("one");
    const began = Date.now();
    await machineDocker("kill", before.id);
    const replica = await readyAgain("one", before);
    const tookMs = Date.now() - began;
    report("docker kill to ready again", tookMs, "of which 1000 ms are the configured delay");
    expect(tookMs).toBeGreaterThanOrEqual(1000);
    expect(tookMs).toBeLessThan(6000);
    expect(replica.observed).toMatchObject({ attempt: 2, exitCode: 137 });
    expect(await cluster.container("one")).toMatchObject({ running: true });
    const { stdout } = await cluster.ozctl("events", "--subject", "instance/one");
    expect(stdout).toMatch(/replica\.backoff .*exit code 137/);
  });

  test("docker rm -f: it is made again", async () => {
    const before = await cluster.container("two");
    const began = Date.now();
    await machineDocker("rm", "-f", before.id);
    await readyAgain("two", before);
    report("docker rm -f to ready again", Date.now() - began);
    expect((await cluster.container("two")).id).not.toBe(before.id);
  });

  test("docker stop and docker rename behind our back: what is wanted returns", async () => {
    const [one, three] = [await cluster.container("one"), await cluster.container("three")];
    await machineDocker("rename", three.id, `elsewhere-${cluster.id}`);
    await machineDocker("stop", "-t", "3", one.id);
    await readyAgain("one", one);
    expect(await cluster.container("three")).toMatchObject({ id: three.id, pid: three.pid });
  });
});

describe("an agent that is killed", () => {
  test("ten times at any moment: every container keeps its process, there is no second one, and all are under control soon", async () => {
    const before = await lives();
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      await agent.kill9();
      const began = Date.now();
      await agent.start();
      if (i % 2 === 0) {
        // Its first words to the control plane hold everything it sees, so from here on all is known again.
        await cluster.waitFor("the agent is back", () => agent.present().includes('"msg":"link ready"'), 20_000, 10);
        times.push(Date.now() - began);
      } else {
        await new Promise((resolve) => setTimeout(resolve, (i * 137) % 900));
      }
    }
    report("agent start to all replicas under control", Math.max(...times), `of ${times.join(", ")} ms`);
    expect(Math.max(...times)).toBeLessThan(5000);
    expect(await lives()).toEqual(before);
    expect((await cluster.containers()).filter(({ running }) => running)).toHaveLength(3);
  });

  test("a container that dies while the agent is dead is started again", async () => {
    const before = await cluster.container("three");
    await agent.kill9();
    await machineDocker("kill", before.id);
    await agent.start();
    await readyAgain("three", before);
    await cluster.container("three");
  });
});

describe("a control plane that is killed", () => {
  test("nothing stops, and it knows everything again", async () => {
    const before = await lives();
    for (let i = 0; i < 3; i++) {
      await cluster.control.kill9();
      await cluster.control.start();
    }
    const began = Date.now();
    for (const { name } of three) await cluster.untilReady(name);
    report("control plane start to all replicas seen ready", Date.now() - began);
    expect(await lives()).toEqual(before);
  });

  test("in the middle of an apply: the operation goes on after the start and can be watched to its end", async () => {
    const before = await lives();
    const slow = {
      name: "slow",
      script: `sleep 4; touch /tmp/ok; ${stays()}`,
      more: { probes: [{ exec: { command: ["test", "-f", "/tmp/ok"] } }] },
    };
    const started = await cluster.apply(busyboxSettings(...three, slow, { name: "four" }), "--detach", "-o", "json");
    expect(started.code, started.stderr).toBe(0);
    const { operation } = JSON.parse(started.stdout) as { operation: string };
    await cluster.control.kill9();
    await cluster.control.start();
    const watched = await cluster.ozctl("ops", "watch", operation);
    expect(watched.stdout).toContain("slow ready");
    expect(watched.code, watched.stderr).toBe(0);
    expect(await lives()).toEqual(expect.arrayContaining(before));
    for (const name of ["slow", "four"]) await cluster.untilReady(name);
    const { operations } = await cluster.ozctlJson<{ operations: { id: string; state: string }[] }>("ops");
    expect(operations.find(({ id }) => id === operation)?.state).toBe(
      `OPERATION_STATE_${stateName(OperationState.DONE)}`,
    );
  });

  test("together with the agent: what was acknowledged is carried out", async () => {
    const { stdout } = await cluster.apply(busyboxSettings(...three, { name: "five" }), "--detach", "-o", "json");
    await Promise.all([cluster.control.kill9(), agent.kill9()]);
    await Promise.all([cluster.control.start(), agent.start()]);
    await cluster.untilReady("five");
    await cluster.waitFor("what is not wanted any more is gone", async () => {
      const names = (await cluster.containers()).map(({ instance }) => instance);
      return !names.includes("slow") && !names.includes("four");
    });
    expect((await lives()).map((life) => life.split(" ")[0])).toEqual(["five", "one", "three", "two"]);
    expect((JSON.parse(stdout) as { operation: string }).operation).toMatch(/^\d+$/);
  });

  function stateName(state: OperationState): string {
    return Object.entries(OperationState).find(([, value]) => value === state)?.[0] ?? "";
  }
});
