// The brain on an engine and a clock in memory: what it does over minutes and hours, in milliseconds.
import { afterEach, beforeEach, expect, test } from "vitest";
import { sleep } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { quietLog } from "#core/log.ts";
import { type Observed, ReplicaState } from "#proto/replicas_pb.ts";
import { RestartCondition } from "#proto/spec_pb.ts";
import { Brain } from "./brain.ts";
import type { RunProbe } from "./health/probe.ts";
import { manualClock } from "./testing/manual-clock.ts";
import { memoryJournal } from "./testing/memory-journal.ts";
import { type Behaviour, SimulatedEngine } from "./testing/simulated-engine.ts";
import { assigned, assignment } from "./testing/wanted.ts";

const probe = { check: { case: "tcp" as const, value: { port: 80 } } };
const auto = { containerPort: 80, transport: "tcp" };

let clock = manualClock();
let engine: SimulatedEngine;
let journal = memoryJournal();
let brain: Brain;
let healthy = true;
let revision = 0;
const run: RunProbe = async () => (healthy ? { ok: true, detail: "" } : { ok: false, detail: "no answer" });

function begin(behaviours: Record<string, Behaviour> = {}): void {
  clock = manualClock();
  engine = new SimulatedEngine(clock, { "web:1": {}, ...behaviours });
  startBrain();
}

function startBrain(): void {
  brain = new Brain({
    engine,
    journal,
    clusterId: "c",
    bootId: "b",
    totals: () => new Map([["ram", 1_000]]),
    listeningPorts: () => new Set(),
    clock,
    log: quietLog,
    probe: run,
  });
}

async function assign(run: ReturnType<typeof assigned>[], retire: string[] = []) {
  const result = await brain.assign(assignment(run, { revision: ++revision, retire }), { historyContainsObeyed: true });
  await clock.advance(60);
  return result;
}

function seen(id: string): Observed | undefined {
  return brain.observed().find(({ replicaId }) => replicaId === id);
}

const stateOf = (id: string) => seen(id)?.state;

beforeEach(() => {
  journal = memoryJournal();
  healthy = true;
  revision = 0;
});

afterEach(async () => {
  const ended = brain[Symbol.asyncDispose]();
  await clock.advance(10_000);
  await ended;
});

test("from an assignment to ready, and what is told on the way", async () => {
  begin();
  const told: [string, number][] = [];
  brain.subscribe((changed) =>
    told.push(...changed.map(({ replicaId, state }): [string, number] => [replicaId, state])),
  );
  await assign([assigned("a", 1, { ports: [auto] })]);
  expect(seen("a")).toMatchObject({
    state: ReplicaState.READY,
    attempt: 1,
    starts: 1,
    endpoints: [{ port: 11_000, containerPort: 80 }],
  });
  expect(told.at(-1)).toEqual(["a", ReplicaState.READY]);
  expect(engine.networks).toEqual(new Set(["default"]));
  await clock.advance(20_000);
  expect(seen("a")?.memoryBytes).toBe(1_000_000n);
});

test("a slow pull shows its progress and blocks nobody; three go on at once", async () => {
  const slow = Object.fromEntries([1, 2, 3, 4].map((n) => [`slow:${n}`, { pullMs: 60_000 }]));
  begin(slow);
  await assign([...[1, 2, 3, 4].map((n) => assigned(`s${n}`, 1, { image: `slow:${n}` })), assigned("a")]);
  await clock.advance(40_000);
  expect(stateOf("a")).toBe(ReplicaState.READY);
  expect(seen("s1")).toMatchObject({ state: ReplicaState.PULLING, pull: { image: "slow:1", totalBytes: 100n } });
  expect(seen("s1")?.pull?.doneBytes).toBeGreaterThan(0n);
  expect(engine.calls.filter((call) => call.startsWith("pull"))).toHaveLength(3);
  await clock.advance(90_000);
  expect([1, 2, 3, 4].map((n) => stateOf(`s${n}`))).toEqual([5, 5, 5, 5].map(() => ReplicaState.READY));
});

test("one pull serves all replicas of an image, and ends when nobody waits for it any more", async () => {
  begin({ "slow:1": { pullMs: 60_000 } });
  await assign([assigned("a", 1, { image: "slow:1" }), assigned("b", 1, { image: "slow:1" })]);
  await assign([assigned("b", 1, { image: "slow:1" })], ["a"]);
  await clock.advance(61_000);
  expect(stateOf("b")).toBe(ReplicaState.READY);
  expect(engine.calls.filter((call) => call.startsWith("pull"))).toEqual(["pull slow:1"]);
  expect(seen("a")).toBeUndefined();
});

test("an image that does not exist ends failed, while the former generation keeps running", async () => {
  begin();
  await assign([assigned("a")]);
  await assign([assigned("a", 2, { image: "nowhere:1" })]);
  await clock.advance(60_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.FAILED, generation: 2n, starts: 5 });
  expect(seen("a")?.reason).toMatch(
    /^image nowhere:1 does not exist in its registry, after 5 starts in 1\d s; what ran before keeps running$/,
  );
  expect(engine.running("a")).toHaveLength(1);
});

test("a slow stop of one replica does not hold up another; what is retired is told as gone", async () => {
  begin({ "stuck:1": { stopMs: 9_000 } });
  await assign([assigned("s", 1, { image: "stuck:1" }), assigned("a")]);
  const gone: string[] = [];
  brain.subscribe((_changed, ids) => gone.push(...ids));
  await assign([assigned("b")], ["s", "a", "never-seen"]);
  expect(stateOf("s")).toBe(ReplicaState.STOPPING);
  expect(stateOf("b")).toBe(ReplicaState.READY);
  expect(gone.toSorted()).toEqual(["a", "never-seen"]);
  await clock.advance(10_000);
  expect(gone).toContain("s");
  expect(journal.memory().has("s")).toBe(false);
});

test("what was being made when it was retired is not told as gone before somebody looked", async () => {
  begin({ "slow:1": { pullMs: 4_000 } });
  const told: string[] = [];
  brain.subscribe((_changed, ids) => told.push(...ids.map((id) => `${id}, of ${engine.containers(id).length}`)));
  const create = engine.create.bind(engine);
  engine.create = async (plan) => {
    await sleep(clock, 1_040);
    return create(plan);
  };
  // It is made right before the progress of the other one is told; while that goes on, looks come a little later.
  await assign([assigned("a"), assigned("p", 1, { image: "slow:1" })]);
  await assign([assigned("p", 1, { image: "slow:1" })], ["a"]);
  await clock.advance(3_000);
  expect(told).toEqual(["a, of 0"]);
});

test("a crash loop waits longer and longer, then fails; restarting it by a new generation works", async () => {
  begin({ "bad:1": { exitAfterMs: 100, exitCode: 3, lines: ["oops"] } });
  await assign([assigned("a", 1, { image: "bad:1" })]);
  await clock.advance(100);
  expect(seen("a")).toMatchObject({
    state: ReplicaState.BACKOFF,
    reason: "exit code 3",
    exitCode: 3,
    logTail: ["oops"],
  });
  expect(seen("a")?.nextAttempt).toBeDefined();
  await clock.advance(60_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.FAILED, starts: 5, attempt: 5 });
  expect(engine.containers("a")).toHaveLength(3);
  await clock.advance(86_400_000);
  expect(engine.calls.filter((call) => call.startsWith("start"))).toHaveLength(5);
  await assign([assigned("a", 2)]);
  expect(seen("a")).toMatchObject({ state: ReplicaState.READY, attempt: 6, generation: 2n, starts: 1 });
});

test("a health check that is switched off proves nothing: the budget of starts is that of one that was never ready", async () => {
  begin({ "bad:1": { exitAfterMs: 3_000, exitCode: 3 } });
  const off = { containerCheck: { disabled: true } };
  const on = { containerCheck: { test: ["true"] } };
  await assign([
    assigned("off", 1, { image: "bad:1", health: off }),
    assigned("on", 1, { image: "bad:1", health: on }),
  ]);
  await clock.advance(120_000);
  expect(seen("off")).toMatchObject({ state: ReplicaState.FAILED, starts: 5 });
  expect(seen("on")?.starts).toBeGreaterThan(5);
});

test("what depends on a run-once replica starts after its end; what depends on a failed one says so", async () => {
  begin({ "job:1": { exitAfterMs: 2_000, exitCode: 0 }, "bad:1": { exitAfterMs: 100 } });
  healthy = false;
  const never = { condition: RestartCondition.NEVER };
  const health = { probes: [probe] };
  await assign([
    assigned("job", 1, { image: "job:1", restart: never, health }),
    assigned("bad", 1, { image: "bad:1", restart: never, health }),
    assigned("app", 1, { dependsOn: ["job"] }),
    assigned("web", 1, { dependsOn: ["job", "bad"] }),
  ]);
  expect(seen("app")).toMatchObject({ state: ReplicaState.STARTING, reason: "waits for job", waitsFor: ["job"] });
  await clock.advance(4_000);
  expect(stateOf("job")).toBe(ReplicaState.STOPPED);
  expect(seen("app")).toMatchObject({ state: ReplicaState.READY, waitsFor: [] });
  expect(seen("web")).toMatchObject({
    state: ReplicaState.STARTING,
    reason: "waits for bad, which failed",
    waitsFor: ["bad"],
  });
});

test("killed and removed containers come back", async () => {
  begin();
  await assign([assigned("a")]);
  engine.kill(engine.running("a")[0]?.id ?? "");
  await clock.advance(500);
  expect(stateOf("a")).toBe(ReplicaState.BACKOFF);
  await clock.advance(600);
  engine.vanish(engine.running("a")[0]?.id ?? "");
  await clock.advance(100);
  expect(seen("a")?.reason).toBe("its container was removed by somebody else");
  await clock.advance(2_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.READY, attempt: 3 });
  expect(engine.mostAtOnce).toBe(1);
});

test("a restart of the engine is not held against anybody, with and without live-restore", async () => {
  begin();
  await assign([assigned("a")]);
  for (let round = 1; round <= 20; round++) {
    engine.goDown();
    brain.wake();
    await clock.advance(60_000);
    expect(brain.engineProblem()).toContain("does not answer");
    expect(stateOf("a")).toBe(ReplicaState.READY);
    engine.comeUp({ liveRestore: round % 2 === 0 });
    await clock.advance(5_000);
    expect(stateOf("a")).toBe(ReplicaState.READY);
  }
  expect(seen("a")).toMatchObject({ attempt: 11 });
  expect(journal.memory().get("a")).toMatchObject({ startsWithoutReady: 0, ends: 0 });
});

test("a polite restart of the engine ends nobody for good, whatever its restart policy", async () => {
  begin();
  const policies = {
    failing: RestartCondition.ON_FAILURE,
    once: RestartCondition.NEVER,
    always: RestartCondition.ALWAYS,
  };
  const all = Object.entries(policies).map(([id, condition]) => assigned(id, 1, { restart: { condition } }));
  await assign(all);
  await clock.advance(60_000);
  // The engine ends its containers and still answers for a moment.
  for (const { id } of engine.running()) engine.kill(id, 0);
  await clock.advance(500);
  expect([stateOf("failing"), stateOf("once")]).toEqual([ReplicaState.STOPPED, ReplicaState.STOPPED]);
  engine.goDown();
  brain.wake();
  await clock.advance(5_000);
  engine.comeUp({ liveRestore: false });
  await clock.advance(5_000);
  for (const id of Object.keys(policies)) expect(seen(id)).toMatchObject({ state: ReplicaState.READY, generation: 1n });
  expect(engine.mostAtOnce).toBe(1);
});

test("a restart during which no call fails, as behind systemd's socket, ends nobody for good either", async () => {
  begin();
  const { ON_FAILURE, NEVER } = RestartCondition;
  await assign([
    assigned("failing", 1, { restart: { condition: ON_FAILURE } }),
    assigned("once", 1, { restart: { condition: NEVER } }),
  ]);
  for (let round = 1; round <= 7; round++) {
    await clock.advance(60_000);
    for (const { id } of engine.running()) engine.kill(id, 0);
    await clock.advance(500);
    expect([stateOf("failing"), stateOf("once")]).toEqual([ReplicaState.STOPPED, ReplicaState.STOPPED]);
    engine.hangUp();
    await clock.advance(1_000);
    for (const id of ["failing", "once"]) expect(seen(id)).toMatchObject({ state: ReplicaState.READY, generation: 1n });
  }
  // Later ends are their own.
  await clock.advance(60_000);
  for (const { id } of engine.running()) engine.kill(id, 0);
  await clock.advance(60_000);
  expect([stateOf("failing"), stateOf("once")]).toEqual([ReplicaState.STOPPED, ReplicaState.STOPPED]);
});

test("a run-once container that begins and ends right after a restart of the engine runs once", async () => {
  begin({ "job:1": { exitAfterMs: 300, exitCode: 0 } });
  engine.goDown();
  brain.wake();
  await clock.advance(5_000);
  engine.comeUp({ liveRestore: false });
  await clock.advance(3_000);
  await assign([assigned("job", 1, { image: "job:1", restart: { condition: RestartCondition.NEVER } })]);
  await clock.advance(30_000);
  expect(seen("job")).toMatchObject({ state: ReplicaState.STOPPED, attempt: 1 });
});

test("automatic ports that somebody else has are passed over at once; a fixed one fails by name", async () => {
  begin();
  for (const port of [11_000, 11_001, 8_080]) engine.foreignPorts.add(port);
  const budget = { restart: { maxStartsWithoutReady: 1 } };
  await assign([
    assigned("a", 1, { ports: [auto] }),
    assigned("f", 1, { ports: [{ ...auto, hostPort: 8_080 }], ...budget }),
  ]);
  await clock.advance(200);
  expect(seen("a")).toMatchObject({ state: ReplicaState.READY, endpoints: [{ port: 11_002 }] });
  expect(seen("f")).toMatchObject({
    state: ReplicaState.FAILED,
    reason: "port 127.0.0.1:8080 is taken, after 1 start in 0.0 s",
  });
});

test("an engine that finds every automatic port taken is not asked without pause", async () => {
  begin();
  for (let port = 11_000; port <= 11_999; port++) engine.foreignPorts.add(port);
  await assign([assigned("a", 1, { ports: [auto] })]);
  await clock.advance(10_000);
  const tried = engine.calls.filter((call) => call.startsWith("create")).length;
  expect(tried).toBeGreaterThan(5);
  expect(tried).toBeLessThan(15);
  expect(seen("a")).toMatchObject({ state: ReplicaState.BACKOFF, reason: expect.stringMatching(/^port .* is taken/) });
  expect(seen("a")?.nextAttempt).toBeDefined();
  engine.foreignPorts.clear();
  await clock.advance(31_000);
  expect(stateOf("a")).toBe(ReplicaState.READY);
});

test("a registry that cannot be reached costs no start, is told, and is asked again until it answers", async () => {
  begin({ "slow:1": { pullMs: 1_000 } });
  const away = new OzError("registry_unreachable", "registry.lan cannot be asked for slow:1: connection refused.");
  engine.registryProblem = away;
  await assign([assigned("a", 1, { image: "slow:1" })]);
  await clock.advance(3_600_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.BACKOFF, reason: away.message, starts: 0 });
  expect(seen("a")?.nextAttempt).toBeDefined();
  engine.registryProblem = undefined;
  await clock.advance(32_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.READY, starts: 1 });
});

test("trouble that is not the replica's is tried again without end and costs nothing", async () => {
  begin({
    "full:1": { refuse: { at: "create", error: new OzError("disk_full", "no space left", { hint: "Free some." }) } },
  });
  await assign([assigned("a", 1, { image: "full:1" })]);
  await clock.advance(300_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.BACKOFF, reason: "no space left (Free some.)", starts: 0 });
  expect(seen("a")?.nextAttempt).toBeDefined();
});

test("unwell is told and heals; the container is left alone", async () => {
  begin();
  await assign([assigned("a", 1, { health: { probes: [probe] } })]);
  await clock.advance(200);
  expect(stateOf("a")).toBe(ReplicaState.READY);
  healthy = false;
  await clock.advance(31_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.UNWELL, reason: "no answer" });
  healthy = true;
  await clock.advance(11_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.READY, attempt: 1 });
});

test("never ready: lines count as progress, silence ends the start", async () => {
  begin({ "quiet:1": {} });
  healthy = false;
  const health = { probes: [probe], startupTimeoutMs: 5_000n };
  await assign([assigned("a", 1, { image: "quiet:1", health, restart: { maxStartsWithoutReady: 2 } })]);
  await clock.advance(20_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.FAILED, starts: 2 });
  expect(seen("a")?.reason).toContain("no sign of progress for 5 s, after 2 starts");
});

test("what no message names keeps running as unknown, and nothing happens to it", async () => {
  begin();
  await assign([assigned("a"), assigned("b")]);
  await assign([assigned("b")]);
  await clock.advance(120_000);
  expect(seen("a")).toMatchObject({ state: ReplicaState.UNKNOWN, instance: "a", reason: "not asked for by anybody" });
  expect(engine.running("a")).toHaveLength(1);
});

test("a set that cannot be written is not obeyed; a repeated one is answered yes", async () => {
  begin();
  await assign([assigned("a")]);
  journal.failWith = new OzError("disk_full", "no space left on /var/lib", { hint: "Free some space." });
  expect(await assign([])).toMatchObject({ accepted: false, reason: "no space left on /var/lib. Free some space." });
  expect(stateOf("a")).toBe(ReplicaState.READY);
  expect(brain.obeyed()).toEqual({ incarnation: "inc", epoch: 1n, revision: 1n });
  revision = 0;
  expect(await assign([assigned("a")])).toMatchObject({ accepted: true });
  expect(await brain.assign(assignment([], { revision: 9 }), { historyContainsObeyed: false })).toMatchObject({
    accepted: false,
  });
});

test("a replica that does not fit is rejected by name, the rest runs", async () => {
  begin();
  const result = await assign([assigned("a", 1, {}, 800), assigned("b", 1, {}, 300)]);
  expect(result).toMatchObject({
    accepted: true,
    rejected: [{ replicaId: "b", resource: "ram", needBytes: 300n, freeBytes: 200n, holder: "a 800 B" }],
  });
  expect(stateOf("a")).toBe(ReplicaState.READY);
  expect(stateOf("b")).toBeUndefined();
});

test("an old attempt that cannot be removed is in the way of nothing else, and is told of only when nothing else is left", async () => {
  begin();
  const restart = { condition: RestartCondition.ALWAYS };
  await assign([assigned("a", 1, { restart })]);
  for (let ended = 0; ended < 4; ended++) {
    const [alive] = engine.running("a");
    engine.stuck.add(alive?.id ?? "");
    engine.kill(alive?.id ?? "");
    await clock.advance(60_000);
  }
  expect([engine.running("a").length, engine.containers("a").length, stateOf("a")]).toEqual([1, 5, ReplicaState.READY]);
  engine.kill(engine.running("a")[0]?.id ?? "");
  await clock.advance(60_000);
  expect([engine.running("a").length, stateOf("a")]).toEqual([1, ReplicaState.READY]);
  await assign([], ["a"]);
  expect(engine.running("a")).toEqual([]);
  expect(seen("a")).toMatchObject({ state: ReplicaState.STOPPING, reason: expect.stringMatching(/ is busy$/) });
  await clock.advance(60_000);
  expect(engine.containers("a")).toHaveLength(4);
  engine.stuck.clear();
  await clock.advance(60_000);
  expect(engine.containers("a")).toEqual([]);
  expect(seen("a")).toBeUndefined();
});

test("a brain that begins again on the same engine keeps everything, also when the engine is away at first", async () => {
  begin();
  await assign([assigned("a", 1, { health: { probes: [probe] }, ports: [auto] })]);
  await clock.advance(200);
  const [before] = engine.running("a");
  const { since } = seen("a") ?? {};
  await clock.advance(3_600_000);
  await brain[Symbol.asyncDispose]();
  engine.goDown();
  healthy = false;
  startBrain();
  await clock.advance(10_000);
  expect(brain.observed()).toEqual([]);
  // That it is away is known: nobody waits for it, and nothing says that the host is empty.
  expect(await brain.firstLook(5_000, new AbortController().signal)).toBe(false);
  expect(brain.engineProblem()).not.toBe("");
  engine.comeUp({ liveRestore: true });
  await clock.advance(3_100);
  expect(await brain.firstLook(5_000, new AbortController().signal)).toBe(true);
  expect(seen("a")).toMatchObject({ state: ReplicaState.READY, pid: before?.pid, attempt: 1, since });
});

test("the first look is over when the host was looked at, and ends without waiting for an engine that hangs", async () => {
  begin();
  const { promise: answer, resolve } = Promise.withResolvers<never[]>();
  engine.list = () => answer;
  const looked = brain.firstLook(5_000, new AbortController().signal);
  await clock.advance(1_000);
  resolve([]);
  expect(await looked).toBe(true);

  engine.list = () => new Promise(() => {});
  brain.wake();
  await clock.advance(1_000);
  await brain[Symbol.asyncDispose]();
});
