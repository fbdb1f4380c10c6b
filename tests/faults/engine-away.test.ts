// The container engine killed, restarted and frozen under the port, on an engine of the test's own.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OzError } from "#core/errors.ts";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import type { ContainerEngine } from "../../agent/apply/engine.ts";
import { collectOutput } from "../support/collect-output.ts";
import { containerPlan } from "../support/container-plan.ts";
import { privateEngine, type PrivateEngine } from "../support/private-engine.ts";
import { isRunning, kill } from "../support/process-tree.ts";
import { waitUntil } from "../support/wait-until.ts";

const clusterId = "awaytest";
const portTo = (host: PrivateEngine): ContainerEngine =>
  createDockerEngine({ clusterId, socketPath: host.socketPath, log: quietLog, clock: systemClock });

async function run(engine: ContainerEngine, script: string, replicaId: string): Promise<string> {
  await engine.ensureNetwork("default");
  const id = await engine.create(containerPlan({ clusterId, replicaId, spec: { command: ["sh", "-c", script] } }));
  await engine.start(id);
  return id;
}
const polite = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (thrown: OzError) => thrown,
  );

describe("with live-restore", () => {
  let host: PrivateEngine;
  let engine: ContainerEngine;
  beforeAll(async () => {
    host = await privateEngine({ liveRestore: true });
    engine = portTo(host);
  });
  afterAll(() => host.dispose());

  test("a killed engine keeps containers, and the watch comes back by itself", async () => {
    const id = await run(engine, polite, "r1aaaaaa");
    const before = (await engine.list())[0];
    const stop = new AbortController();
    let calls = 0;
    engine.watch(() => calls++, stop.signal);
    await waitUntil("it watches", () => calls > 0);
    const following = failureOf(
      engine.logs(id, { follow: true, tail: 0, timestamps: false }, collectOutput(), stop.signal),
    );
    await host.kill9();
    expect(await following).toMatchObject({ code: "engine_unavailable" });
    expect(await failureOf(engine.list())).toMatchObject({ code: "engine_unavailable" });
    expect((await engine.facts()).error).not.toBe("");
    const callsBefore = calls;
    await host.start();
    await waitUntil("the watch is back", () => calls > callsBefore, 20_000);
    const after = (await engine.list())[0];
    expect(after).toMatchObject({ id, phase: "running", pid: before?.pid, startedAt: before?.startedAt });
    const callsAfter = calls;
    await engine.stop(id, 2_000);
    await waitUntil("the end is told", () => calls > callsAfter);
    stop.abort();
    await engine.remove(id);
    expect((await engine.facts()).liveRestore).toBe(true);
  });

  test("a process that died while the engine was away is not reported as running", async () => {
    const id = await run(engine, polite, "r2aaaaaa");
    const pid = (await engine.list())[0]?.pid ?? 0;
    await host.kill9();
    kill(pid, "SIGKILL");
    await waitUntil("it is gone", async () => !(await isRunning(pid)));
    await host.start();
    expect((await engine.list())[0]).toMatchObject({ id, phase: "ended", pid: 0 });
    await engine.remove(id);
  });

  test("a frozen engine costs ten seconds a call, never more, and heals", async () => {
    const id = await run(engine, polite, "r3aaaaaa");
    host.freeze();
    try {
      const begun = Date.now();
      const options = { command: ["true"], stdin: false, tty: false, columns: 0, rows: 0, user: "" };
      const failures = await Promise.all([
        failureOf(engine.list()),
        failureOf(engine.tail(id, 3)),
        failureOf(engine.ensureNetwork("other")),
        failureOf(engine.memoryBytes(id)),
        failureOf(engine.stop(id, 0)),
        failureOf(engine.exec(id, options, collectOutput(), new AbortController().signal)),
        failureOf(engine.resolveImage("x")),
      ]);
      for (const failure of failures) expect(failure).toMatchObject({ code: "timeout" });
      expect(failures[0]?.message).toBe("The container engine did not list containers within 10 s.");
      expect(Date.now() - begun).toBeLessThan(12_000);
    } finally {
      host.thaw();
    }
    await waitUntil("it answers again", async () => (await engine.list()).length === 1);
    await engine.stop(id, 2_000);
    await engine.remove(id);
  });
});

describe("without live-restore", () => {
  test("a killed engine ends containers when it returns, and the port says so", async () => {
    const host = await privateEngine();
    try {
      const engine = portTo(host);
      const id = await run(engine, polite, "r4aaaaaa");
      const pid = (await engine.list())[0]?.pid ?? 0;
      await host.kill9();
      expect(await isRunning(pid)).toBe(true);
      await host.start();
      const ended = await waitUntil("it ended", async () =>
        (await engine.list()).find((container) => container.phase === "ended"),
      );
      expect(ended).toMatchObject({ id, pid: 0 });
      expect(ended.endedAt).toBeGreaterThan(0);
      await engine.start(id);
      expect((await engine.list())[0]).toMatchObject({ id, phase: "running" });
    } finally {
      await host.dispose();
    }
  });
});
