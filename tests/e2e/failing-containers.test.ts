// Containers that cannot work: each ends with its reason, its last lines and what to try, and keeps nobody else from working.
import { createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { type BusyboxService, busyboxSettings, stays } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import type { CommandResult } from "../support/run-command.ts";

/** Five starts as by default, but quick ones. */
const quick = { restart: { backoff_min: "100ms", backoff_max: "200ms" } };
const healthy = { name: "healthy" };
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.addHost();
  await cluster.mustApply(busyboxSettings(healthy));
});

afterEach(async () => {
  await cluster.mustApply(busyboxSettings(healthy));
  await cluster.waitFor("nothing else is left", async () =>
    (await cluster.containers()).every(({ instance }) => instance === "healthy"),
  );
});

afterAll(() => cluster?.dispose());

/** Applies it beside two that work; those are ready although it fails. */
async function applyBeside(failing: BusyboxService): Promise<CommandResult> {
  const before = await cluster.container("healthy");
  const result = await cluster.apply(busyboxSettings(failing, healthy, { name: "neighbour" }));
  expect(await cluster.container("healthy")).toEqual(before);
  expect((await cluster.replica("neighbour"))?.state).toBe(ReplicaState.READY);
  return result;
}

test("one that exits at once: failed after five starts, with exit code and last lines, until it is restarted", async () => {
  const script = "echo loading model; echo 'FileNotFoundError: /models/bge-small' >&2; exit 7";
  const { code, stderr } = await applyBeside({ name: "broken", script, more: quick });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^broken failed on alpha.*exit code 7.* 5 starts/m);
  expect(stderr).toContain("FileNotFoundError: /models/bge-small");
  expect(stderr).toContain("ozctl logs --previous broken");
  expect(stderr).toContain("ozctl restart broken");
  const replica = await cluster.replica("broken");
  expect(replica).toMatchObject({ state: ReplicaState.FAILED, observed: { starts: 5, exitCode: 7 } });
  // It stays failed, whatever happens, and can be looked at.
  expect((await cluster.containers()).filter(({ instance, running }) => instance === "broken" && running)).toEqual([]);
  expect((await cluster.ozctl("logs", "broken")).stdout).toContain("loading model");
  const restarted = await cluster.ozctl("restart", "broken");
  expect(restarted.code).toBe(1);
  expect((await cluster.replica("broken"))?.generation).toBe((replica?.generation ?? 0n) + 1n);
});

test("one that never becomes ready: failed for its probe after its starts, with its last lines", async () => {
  const probes = [{ exec: { command: ["false"] }, interval: "200ms" }];
  const more = { ...quick, restart: { ...quick.restart, max_starts_without_ready: 2 }, probes, startup_timeout: "1s" };
  const { code, stderr } = await applyBeside({ name: "waits", script: stays("echo still loading"), more });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^waits failed on alpha.*(not ready|never ready|progress|ready)/im);
  expect(stderr).toContain("still loading");
  expect((await cluster.replica("waits"))?.state).toBe(ReplicaState.FAILED);
  expect((await cluster.ozctl("why", "waits")).stdout).toMatch(/ready|probe/);
});

test("one whose start takes longer than its deadline but goes on saying something is no failure", async () => {
  const script = `for i in 1 2 3 4 5 6; do echo loading $i; sleep 0.5; done; touch /tmp/ok; ${stays()}`;
  const probes = [{ exec: { command: ["test", "-f", "/tmp/ok"] }, interval: "200ms" }];
  const { code, stderr } = await applyBeside({ name: "slow", script, more: { probes, startup_timeout: "1500ms" } });
  expect(code, stderr).toBe(0);
  expect((await cluster.replica("slow"))?.observed).toMatchObject({ attempt: 1, starts: 1 });
});

test("what depends on one that failed: the change ends, and says so; what depends on a job that ended well starts", async () => {
  // Without a check, to run for an instant would be to be ready.
  const probes = [{ exec: { command: ["false"] }, interval: "200ms" }];
  const job = { script: "sleep 1", more: { restart: "never", probes } };
  const result = await cluster.apply(
    busyboxSettings(
      { name: "broken", script: "exit 7", more: { ...quick, probes } },
      { name: "after-broken", more: { depends_on: ["broken"] } },
      { name: "last", more: { depends_on: ["after-broken"] } },
      { name: "job", ...job },
      { name: "after-job", more: { depends_on: ["job"] } },
      healthy,
    ),
  );
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/^after-broken failed on alpha: waits for broken, which failed$/m);
  expect(result.stderr).toContain("ozctl restart broken");
  expect(result.stderr).toMatch(/^last failed on alpha: waits for after-broken$/m);
  expect((await cluster.replica("job"))?.state).toBe(ReplicaState.STOPPED);
  expect((await cluster.replica("after-job"))?.state).toBe(ReplicaState.READY);
  expect((await cluster.ozctl("why", "after-broken")).stdout).toContain("waits for broken, which failed");
});

test("an image that does not exist: said with its name, and nothing is half there", async () => {
  const image = "ozwald-test-no-such-image:9";
  const { code, stderr, stdout } = await applyBeside({
    name: "imageless",
    more: { ...quick, image, pull_policy: "never" },
  });
  expect(code).toBe(1);
  expect(stderr + stdout).toContain(image);
  expect(stderr).toMatch(/^imageless failed on alpha/m);
  expect((await cluster.containers()).filter(({ instance }) => instance === "imageless")).toEqual([]);
});

test("a port that something else has: said with the port, and it starts when the port is free", async () => {
  const [server, port] = await takePort();
  const more = { ...quick, ports: [{ container_port: 8000, host_port: port }] };
  const script = "mkdir -p /tmp/w; exec httpd -f -p 8000 -h /tmp/w";
  try {
    const { code, stderr, stdout } = await applyBeside({ name: "serves", script, more });
    expect(code).toBe(1);
    expect(stderr + stdout).toContain(String(port));
    expect(stderr + stdout).toMatch(/port|address already in use/);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  const restarted = await cluster.ozctl("restart", "serves");
  expect(restarted.code, restarted.stderr).toBe(0);
  await cluster.untilReady("serves");
});

test("one that takes more memory than it was promised: said as that, with the limit", async () => {
  // Never ready: without a check it counts as ready for as long as it takes to fill 32 MiB.
  const probes = [{ exec: { command: ["false"] } }];
  const more = { resources: { memory: "32MiB" }, probes, restart: { ...quick.restart, max_starts_without_ready: 1 } };
  const { code, stderr } = await applyBeside({ name: "greedy", script: "exec tail /dev/zero", more });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^greedy failed on alpha.*out of memory \(limit 32\.0 MiB\)/m);
});

test("one that ignores the polite stop is ended after its grace", async () => {
  const deaf = { name: "deaf", script: "trap '' TERM; while :; do sleep 1; done", more: { stop_grace: "1s" } };
  await cluster.mustApply(busyboxSettings(healthy, deaf));
  const began = Date.now();
  expect((await cluster.ozctl("down", "deaf")).code).toBe(0);
  expect(Date.now() - began).toBeGreaterThan(1_000);
  expect(Date.now() - began).toBeLessThan(8_000);
});

async function takePort(): Promise<[Server, number]> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return [server, address.port];
}
