import { expect, test } from "vitest";
import { container, wanted } from "../testing/wanted.ts";
import { type Desired, type FoundContainer, noFacts, type Wanted } from "./found.ts";
import { freshMemory, type ReplicaMemory } from "./memory.ts";
import { plan, type PlanInput } from "./plan.ts";
import { choosePorts, keepsEveryPort } from "./ports.ts";

const now = 1_000_000;

function desired(run: Wanted[], retire: string[] = []): Desired {
  return { run: new Map(run.map((each) => [each.replicaId, each])), retire: new Set(retire) };
}

function planned(
  run: Wanted[],
  found: FoundContainer[],
  more: Partial<PlanInput> & { retire?: string[]; mem?: Record<string, Partial<ReplicaMemory>> } = {},
) {
  const { retire = [], mem = {}, ...input } = more;
  const memory = new Map(Object.entries(mem).map(([id, each]) => [id, { ...freshMemory(1), ...each }]));
  return plan({ desired: desired(run, retire), found, memory, facts: noFacts, now, ...input });
}

const brief = (steps: readonly { tag: string }[]) => steps.map(({ tag }) => tag);
const staged = (...ids: string[]) => ({ ...noFacts, staged: new Map(ids.map((id) => [id, 1])) });

test("a new replica: fetch, then start attempt 1", () => {
  const steps = planned([wanted("a")], []);
  expect(steps).toEqual([
    { tag: "fetch-image", replicaId: "a", generation: 1 },
    { tag: "start-attempt", replicaId: "a", generation: 1, attempt: 1, hostPorts: {} },
  ]);
  expect(Object.isFrozen(steps) && Object.isFrozen(steps[0])).toBe(true);
});

test("the wait before the next attempt is as long as the policy says; a longer one is of a clock that was set back", () => {
  const mem = (waitMs: number) => ({ mem: { a: { attempts: 1, settled: 1, nextAttemptAt: now + waitMs } } });
  const patient = wanted("a", 1, { restart: { backoffMinMs: 7_200_000n, backoffMaxMs: 7_200_000n } });
  const until = now + 7_200_000;
  expect(planned([patient], [], mem(7_200_000))).toMatchObject([{ tag: "wait", kind: "backoff", until }]);
  expect(brief(planned([patient], [], mem(7_200_001)))).toEqual(["fetch-image", "start-attempt"]);
  expect(brief(planned([wanted("a")], [], mem(300_000)))).toEqual(["wait"]);
  expect(brief(planned([wanted("a")], [], mem(1_800_000)))).toEqual(["fetch-image", "start-attempt"]);
});

test("an older generation keeps running until the image of the new one is there, and is stopped first", () => {
  const steps = planned([wanted("a", 2)], [container("a", 4)], {
    mem: { a: { attempts: 4, settled: 3, graceMs: 3_000 } },
  });
  expect(steps).toMatchObject([
    { tag: "fetch-image" },
    { tag: "stop", containerId: "a.1.4", why: "replace", graceMs: 3_000 },
    { tag: "start-attempt", attempt: 5, generation: 2 },
  ]);
});

test("a newer generation than asked for is left alone", () => {
  expect(planned([wanted("a", 2)], [container("a", 4, { generation: 3 })])).toMatchObject([
    { tag: "wait", kind: "fenced", reason: expect.not.stringContaining("generation") },
  ]);
});

test("what no message names is left alone; what is retired is stopped, removed and then forgotten", () => {
  expect(planned([], [container("ghost", 1), container("ghost", 2, { phase: "ended" })])).toEqual([]);
  const retired = planned([], [container("a", 1, { phase: "ended" }), container("a", 2)], { retire: ["a"] });
  expect(retired).toMatchObject([
    { tag: "stop", why: "retire", graceMs: 10_000 },
    { tag: "remove" },
    { tag: "remove" },
  ]);
  expect(brief(planned([], [], { retire: ["a"], mem: { a: {} } }))).toEqual(["forget"]);
  expect(planned([], [], { retire: ["a"] })).toEqual([]);
});

test("an end is recorded before anything else, with its cause", () => {
  const mem = { a: { attempts: 3, settled: 2 } };
  const ended = container("a", 3, { phase: "ended", endedAt: now - 5, exitCode: 2 });
  expect(planned([wanted("a")], [ended], { mem })).toMatchObject([
    { tag: "record-end", cause: "exited", exitCode: 2, at: now - 5, reason: "exit code 2" },
  ]);
  expect(planned([wanted("a")], [], { mem })).toMatchObject([
    { tag: "record-end", cause: "vanished", containerId: "", at: now },
  ]);
  const facts = { ...noFacts, outages: [{ from: now - 100, to: now }] };
  expect(planned([wanted("a")], [ended], { mem, facts })).toMatchObject([{ tag: "record-end", cause: "engine" }]);
});

test("after an end it waits; a wait that no policy explains is not waited for", () => {
  const settled = { attempts: 3, settled: 3 };
  expect(planned([wanted("a")], [], { mem: { a: { ...settled, nextAttemptAt: now + 4_000 } } })).toMatchObject([
    { tag: "wait", kind: "backoff", until: now + 4_000 },
  ]);
  expect(
    brief(planned([wanted("a")], [], { mem: { a: { ...settled, nextAttemptAt: now + 9e9 } }, facts: staged("a") })),
  ).toEqual(["start-attempt"]);
  const final = { state: "failed", reason: "r", at: 1 } as const;
  expect(planned([wanted("a")], [], { mem: { a: { ...settled, final } } })).toEqual([]);
});

test("a container that was made and not started is started under its own number", () => {
  const steps = planned([wanted("a")], [container("a", 2, { phase: "created", startedAt: 0 })], { facts: staged("a") });
  expect(steps).toMatchObject([{ tag: "start-attempt", attempt: 2 }]);
});

test("the last three ended attempts stay for their logs", () => {
  const past = [1, 2, 3, 4, 5].map((attempt) => container("a", attempt, { phase: "ended" }));
  const steps = planned([wanted("a")], [...past, container("a", 6)], {
    mem: { a: { attempts: 6, settled: 5 } },
    facts: ready("a", 6),
  });
  expect(steps).toMatchObject([
    { tag: "remove", attempt: 1 },
    { tag: "remove", attempt: 2 },
  ]);
});

test("a twin and a leftover of an older generation are stopped", () => {
  const found = [
    container("a", 3, { generation: 1 }),
    container("a", 4, { generation: 2 }),
    container("a", 5, { generation: 2 }),
  ];
  const steps = planned([wanted("a", 2)], found, { facts: ready("a", 5) });
  expect(steps).toMatchObject([
    { tag: "stop", attempt: 3, why: "replace" },
    { tag: "stop", attempt: 4, why: "twin" },
  ]);
});

function ready(id: string, attempt: number, verdict: "ready" | "starting" | "unwell" = "ready") {
  return { ...noFacts, health: new Map([[id, { attempt, verdict }]]), staged: new Map([["app", 1]]) };
}

test("it starts when what it depends on is ready, and not before", () => {
  const app = wanted("app", 1, { dependsOn: ["db", "elsewhere"] });
  const db = wanted("db");
  const mem = { db: { attempts: 1, settled: 0 } };
  const found = [container("db", 1, { startedAt: now })];
  const waiting = planned([app, db], found, { mem, facts: ready("db", 1, "starting") });
  expect(waiting.filter(({ replicaId }) => replicaId === "app")).toMatchObject([
    { tag: "wait", kind: "dependency", reason: "waits for db", waitsFor: ["db"] },
  ]);
  expect(brief(planned([app, db], found, { mem, facts: ready("db", 1) }))).toEqual(["start-attempt"]);
  // db is about to be replaced by another generation
  const steps = planned([app, wanted("db", 2)], found, { mem, facts: ready("db", 1) });
  expect(steps.find(({ replicaId }) => replicaId === "app")).toMatchObject({ tag: "wait" });
  const other = wanted("db", 1, { group: "other" });
  expect(
    brief(planned([app, other], found, { mem, facts: ready("x", 1) })).filter((tag) => tag === "start-attempt"),
  ).toHaveLength(1);
});

test("what it waits for is said to have failed; what ended well is as good as ready", () => {
  const app = wanted("app", 1, { dependsOn: ["db", "cache", "migrate"] });
  const final = (state: "failed" | "stopped") => ({ attempts: 1, settled: 1, final: { state, reason: "r", at: 1 } });
  const all = [app, wanted("db"), wanted("cache"), wanted("migrate")];
  const waits = (mem: Record<string, Partial<ReplicaMemory>>, run = all) =>
    planned(run, [], { mem }).find((step) => step.replicaId === "app" && step.tag === "wait");
  expect(waits({ db: final("failed") })).toMatchObject({
    reason: "waits for cache, migrate, and for db, which failed",
    waitsFor: ["db", "cache", "migrate"],
  });
  const bad = { db: final("failed"), cache: final("stopped"), migrate: final("stopped") };
  expect(waits(bad)).toMatchObject({ reason: "waits for db, which failed", waitsFor: ["db"] });
  expect(waits({ ...bad, db: final("stopped") })).toBeUndefined();
  // Another generation of it is still to come.
  expect(waits(bad, [app, wanted("db", 2), wanted("cache"), wanted("migrate")])).toMatchObject({
    reason: "waits for db",
  });
});

test("a start without progress is looked at once the deadline comes, then given up", () => {
  const slow = wanted("a", 1, { health: { startupTimeoutMs: 60_000n } });
  const found = [container("a", 1, { startedAt: now - 60_000 })];
  const mem = { a: { attempts: 1, settled: 0 } };
  const progress = (at: number, checkedAt: number, attempt = 1) => ({
    ...noFacts,
    progress: new Map([["a", { attempt, at, checkedAt }]]),
  });
  expect(planned([slow], [container("a", 1, { startedAt: now - 10 })], { mem })).toMatchObject([
    { tag: "wait", kind: "startup", until: now + 59_990 },
  ]);
  expect(brief(planned([slow], found, { mem }))).toEqual(["check-progress"]);
  expect(brief(planned([slow], found, { mem, facts: progress(now, now, 7) }))).toEqual(["check-progress"]);
  expect(planned([slow], found, { mem, facts: progress(now - 20_000, now) })).toMatchObject([
    { tag: "wait", until: now + 40_000 },
  ]);
  expect(planned([slow], found, { mem, facts: progress(0, now) })).toMatchObject([
    { tag: "stop", why: "not-ready" },
    { tag: "record-end", cause: "not-ready", reason: "not ready, and no sign of progress for 60 s" },
  ]);
  expect(planned([slow], found, { mem, facts: ready("a", 1, "unwell") })).toEqual([]);
});

test("automatic ports: lowest free one, kept, never one of another replica", () => {
  const port = { containerPort: 80, transport: "tcp", hostPort: 0 };
  const fixed = wanted("c", 1, { ports: [{ containerPort: 1, transport: "tcp", hostPort: 11_001 }] });
  const steps = planned([wanted("a", 1, { ports: [port] }), wanted("b", 1, { ports: [port] }), fixed], [], {
    mem: { b: { hostPorts: { "80/tcp": 11_000 } } },
    facts: { ...staged("a", "b", "c"), busyPorts: new Set([11_002]) },
  });
  expect(steps.flatMap((step) => (step.tag === "start-attempt" ? [step.hostPorts] : []))).toEqual([
    { "80/tcp": 11_003 },
    { "80/tcp": 11_000 },
    { "1/tcp": 11_001 },
  ]);
});

test("automatic ports: not one on which something foreign waits; one's own is kept although its container waits there", () => {
  const port = { containerPort: 80, transport: "tcp", hostPort: 0 };
  const facts = { ...staged("a", "b"), listeningPorts: new Set([11_000, 11_001, 11_003]) };
  const mem = { b: { hostPorts: { "80/tcp": 11_001 } } };
  const steps = planned([wanted("a", 1, { ports: [port] }), wanted("b", 1, { ports: [port] })], [], { mem, facts });
  expect(steps.flatMap((step) => (step.tag === "start-attempt" ? [step.hostPorts] : []))).toEqual([
    { "80/tcp": 11_002 },
    { "80/tcp": 11_001 },
  ]);
});

test("a running container holds its ports although nothing is remembered", () => {
  const port = { containerPort: 80, transport: "tcp", hostPort: 0 };
  const found = [container("ghost", 1, { ports: [{ containerPort: 80, hostPort: 11_000, transport: "tcp" }] })];
  expect(planned([wanted("a", 1, { ports: [port] })], found, { facts: staged("a") })).toMatchObject([
    { hostPorts: { "80/tcp": 11_001 } },
  ]);
});

test("without a free port it waits and says so", () => {
  const busyPorts = new Set(Array.from({ length: 1_000 }, (_, i) => 11_000 + i));
  const one = wanted("a", 1, { ports: [{ containerPort: 80, transport: "tcp" }] });
  expect(planned([one], [], { facts: { ...staged("a"), busyPorts } })).toMatchObject([
    { tag: "wait", kind: "ports", reason: "no free host port for 80/tcp from 11000 to 11999" },
  ]);
});

test("two automatic ports of one replica differ; a kept port that is taken is given up", () => {
  const ports = wanted("a", 1, { ports: [{ containerPort: 1 }, { containerPort: 2 }] }).spec.ports;
  expect(choosePorts(ports, { "1/tcp": 11_005 }, new Set([11_005]))).toEqual({ "1/tcp": 11_000, "2/tcp": 11_001 });
});

test("there is nothing to choose when each port is fixed or was chosen before", () => {
  const { ports } = wanted("a", 1, { ports: [{ containerPort: 1, hostPort: 5 }, { containerPort: 2 }] }).spec;
  expect([keepsEveryPort(ports, {}), keepsEveryPort(ports, { "2/tcp": 11_000 }), keepsEveryPort([], {})]).toEqual([
    false,
    true,
    true,
  ]);
});

test("memory of what is neither wanted nor there is dropped", () => {
  expect(planned([], [], { mem: { gone: {} } })).toEqual([{ tag: "forget", replicaId: "gone" }]);
  expect(planned([], [container("ghost", 1)], { mem: { ghost: {} } })).toEqual([]);
});
