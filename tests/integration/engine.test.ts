// The container engine port against a real Docker Engine: life of a container, and what it leaves alone.
import { describe, expect, test } from "vitest";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { MountKind } from "#proto/spec_pb.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { engineUnderTest, failure, sh } from "../support/engine-under-test.ts";
import { mustRun, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";

const { clusterId, engine, ended, inspect, observed, plan, run } = engineUnderTest();

describe("life of a container", () => {
  test("is created, runs, is stopped and is gone", async () => {
    const wanted = plan({
      generation: 3,
      attempt: 2,
      slot: 1,
      specHash: "abc",
      spec: { variety: "cpu-only", profile: "small" },
    });
    await engine.ensureNetwork("default");
    const id = await engine.create(wanted);
    expect(await observed(id)).toMatchObject({ phase: "created", pid: 0, startedAt: 0, exitCode: 0, error: "" });
    await engine.start(id);
    await engine.start(id);
    const running = await observed(id);
    expect(running).toMatchObject({
      replicaId: wanted.replicaId,
      generation: 3,
      attempt: 2,
      slot: 1,
      specHash: "abc",
      instance: "web",
      group: "default",
      service: "web",
      variety: "cpu-only",
      profile: "small",
      phase: "running",
      endedAt: 0,
      check: "none",
    });
    expect(running.name).toBe(`ozwald-default-web-1-3.2-${wanted.replicaId.slice(0, 6)}`);
    expect(running.pid).toBeGreaterThan(1);
    expect(Math.abs(Date.now() - running.startedAt)).toBeLessThan(20_000);
    expect(running.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(running.imageId).toBe((await engine.resolveImage(busyboxImage))?.id);
    expect(await engine.memoryBytes(id)).toBeGreaterThan(0);
    await engine.stop(id, 0);
    expect(await observed(id)).toMatchObject({ phase: "ended", pid: 0, exitCode: 137, outOfMemory: false });
    await engine.remove(id);
    expect(await engine.list()).toEqual([]);
    await engine.stop(id, 0);
    await engine.remove(id);
  });

  test("gets its grace, and is ended hard after it", async () => {
    const polite = await run(sh("trap 'echo bye; exit 7' TERM; while :; do sleep 0.05; done"));
    const stubborn = await run(sh("trap '' TERM; while :; do sleep 0.05; done"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await engine.stop(polite, 10_000);
    expect(await observed(polite)).toMatchObject({ phase: "ended", exitCode: 7 });
    expect(await engine.tail(polite, 5)).toEqual(["bye"]);
    const before = Date.now();
    await engine.stop(stubborn, 1_000);
    expect(Date.now() - before).toBeGreaterThanOrEqual(950);
    expect(Date.now() - before).toBeLessThan(6_000);
    expect(await observed(stubborn)).toMatchObject({ phase: "ended", exitCode: 137 });
  });

  test("tells exit codes, and memory that ran out", async () => {
    const three = await run(sh("exit 3"));
    const greedy = await run(sh("head -c 200000000 /dev/zero | tail", { resources: { memoryBytes: 16n << 20n } }));
    expect(await ended(three)).toMatchObject({ exitCode: 3, outOfMemory: false, error: "" });
    const out = await ended(greedy);
    expect(out.outOfMemory).toBe(true);
    expect(out.endedAt).toBeGreaterThan(0);
  });

  test("replaces its own leftover, and nothing that runs", async () => {
    const wanted = plan();
    await engine.ensureNetwork("default");
    const first = await engine.create(wanted);
    const second = await engine.create(wanted);
    expect(second).not.toBe(first);
    await engine.start(second);
    expect((await failure(engine.create(wanted))).message).toMatch(/exists and runs/);
    expect((await observed(second)).phase).toBe("running");
  });

  test("refuses what cannot run, in words", async () => {
    const noProgram = await failure(run({ spec: { command: ["nope"] } }));
    expect(noProgram).toMatchObject({ code: "engine_refused" });
    expect(noProgram.message).toMatch(/cannot run "nope": executable file not found/);
    expect((await engine.list())[0]).toMatchObject({ phase: "created", exitCode: 127 });
    expect((await engine.list())[0]?.error).toMatch(/cannot run "nope"/);
    const noImage = await failure(engine.create(plan({ image: "ozwald-test-absent:1" })));
    expect(noImage).toMatchObject({ code: "image_missing" });
    const noFolder = await failure(
      engine.create(plan({ spec: { mounts: [{ kind: MountKind.BIND, source: "/nowhere/x", target: "/x" }] } })),
    );
    expect(noFolder.message).toMatch(/\/nowhere\/x does not exist on this host/);
  });
});

describe("containers of others", () => {
  test("are neither listed nor touched", async () => {
    const name = `foreign-${clusterId}`;
    const otherCluster = `other-${clusterId}`;
    const foreign = await mustRun(["docker", "run", "-d", "--name", name, busyboxImage, "sleep", "600"]);
    const theirs = await mustRun([
      "docker",
      "run",
      "-d",
      "--name",
      otherCluster,
      "--label",
      "ozwald.cluster=zzz",
      busyboxImage,
      "sleep",
      "600",
    ]);
    try {
      const own = await run();
      expect((await engine.list()).map((container) => container.id)).toEqual([own]);
      for (const id of [foreign, theirs]) {
        for (const touch of [() => engine.stop(id, 0), () => engine.remove(id)]) {
          expect((await failure(touch())).message).toMatch(/left alone/);
        }
        expect((await inspect(id))["State"].Running).toBe(true);
      }
    } finally {
      await runCommand(["docker", "rm", "-f", name, otherCluster]);
    }
  });
});

describe("images and facts", () => {
  test("the engine tells about itself", async () => {
    const facts = await engine.facts();
    expect(facts).toMatchObject({ name: "docker", error: "" });
    expect(facts.version).toMatch(/^\d+\./);
    expect(facts.runtimes).toContain("runc");
    expect(await engine.images()).toContain(busyboxImage);
  });

  test("an image is found as written, else with ozwald- before it", async () => {
    expect((await engine.resolveImage("test-busybox:1"))?.image).toBe(busyboxImage);
    expect(await engine.resolveImage("ozwald-test-absent:1")).toBeUndefined();
  });

  test("an engine that is not there is an error, and facts that say so", async () => {
    const absent = createDockerEngine({
      clusterId,
      log: quietLog,
      clock: systemClock,
      socketPath: "/tmp/ozwald-no-such.sock",
    });
    expect(await failure(absent.list())).toMatchObject({ code: "engine_unavailable" });
    expect((await absent.facts()).error).toMatch(/socket does not exist/);
  });
});

describe("watching", () => {
  test("calls back for our containers only", async () => {
    const stop = new AbortController();
    let calls = 0;
    engine.watch(() => calls++, stop.signal);
    await waitUntil("it subscribed", () => calls > 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = calls;
    await mustRun(["docker", "run", "--rm", busyboxImage, "true"]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(calls).toBe(before);
    const id = await run(sh("sleep 0.2; exit 1"));
    const started = calls;
    expect(started).toBeGreaterThan(before);
    await ended(id);
    await waitUntil("the end is told", () => calls > started);
    stop.abort();
  });
});
