import { expect, test } from "vitest";
import { type ErrorCode, OzError } from "#core/errors.ts";
import { wanted } from "../testing/wanted.ts";
import { noFacts } from "../plan/found.ts";
import { freshMemory, type ReplicaMemory } from "../plan/memory.ts";
import { plan } from "../plan/plan.ts";
import type { Step } from "../plan/step.ts";
import { dockerError } from "./docker-errors.ts";
import { failureOutcome } from "./step-failure.ts";

const fixed = { containerPort: 80, transport: "tcp", hostPort: 8080 };
const automatic = (containerPort: number) => ({ containerPort, transport: "tcp", hostPort: 0 });
const fetch: Step = { tag: "fetch-image", replicaId: "a", generation: 1 };
const start = (hostPorts: Record<string, number>): Step => ({
  tag: "start-attempt",
  replicaId: "a",
  generation: 1,
  attempt: 1,
  hostPorts,
});
const taken = (words: string) => dockerError(new Error(words), { doing: "start a" });

test.each<[ErrorCode, Step, string]>([
  ["registry_unreachable", fetch, "trouble"],
  ["engine_unavailable", fetch, "trouble"],
  ["disk_full", fetch, "trouble"],
  ["timeout", fetch, "trouble"],
  ["image_missing", fetch, "counted"],
  ["registry_refused", fetch, "counted"],
  ["image_missing", start({}), "trouble"],
  ["engine_refused", start({}), "counted"],
])("%s is held against the replica or not", (code, step, kind) => {
  expect(failureOutcome(step, new OzError(code, "x"), wanted("a"), undefined, 5).kind).toBe(kind);
});

test("of two automatic ports only the one that is taken is busy; the other is kept", () => {
  const step = start({ "80/tcp": 11_000, "81/tcp": 11_001 });
  const one = wanted("a", 1, { ports: [automatic(80), automatic(81)] });
  const named = taken("failed to bind host port 127.0.0.1:11001/tcp: address already in use");
  expect(failureOutcome(step, named, one, undefined, 5)).toMatchObject({
    kind: "ports",
    busy: [11_001],
    memory: { attempts: 1, settled: 1, starts: 0, hostPorts: { "80/tcp": 11_000 } },
  });
  const unnamed = taken("address already in use");
  expect(failureOutcome(step, unnamed, one, undefined, 5)).toMatchObject({ kind: "ports", busy: [11_000, 11_001] });
});

test("beside a fixed port: an automatic one that is named is passed over, all else is the fixed one's failure", () => {
  const step = start({ "80/tcp": 8080, "81/tcp": 11_000 });
  const mixed = wanted("a", 1, { ports: [fixed, automatic(81)] });
  const outcome = (words: string) => failureOutcome(step, taken(words), mixed, undefined, 5);
  expect(outcome("Bind for 127.0.0.1:11000 failed: port is already allocated")).toMatchObject({
    kind: "ports",
    busy: [11_000],
  });
  expect(outcome("failed to bind host port 127.0.0.1:8080/tcp: address already in use").kind).toBe("counted");
  expect(outcome("failed to set up container networking: address already in use").kind).toBe("counted");
});

test("a taken fixed port beside an automatic one uses up the budget of starts, and no other port", () => {
  const one = wanted("a", 1, { ports: [fixed, automatic(81)] });
  const facts = { ...noFacts, staged: new Map([["a", 1]]) };
  const error = taken("an engine of tomorrow says: address already in use");
  let memory: ReplicaMemory = freshMemory(1);
  let now = 1_000_000;
  let starts = 0;
  for (let round = 0; round < 100 && memory.final === undefined; round++) {
    const desired = { run: new Map([["a", one]]), retire: new Set<string>() };
    const [step] = plan({ desired, found: [], memory: new Map([["a", memory]]), facts, now });
    if (step?.tag === "wait") now = step.until;
    if (step?.tag !== "start-attempt") continue;
    starts++;
    expect(step.hostPorts).toEqual({ "80/tcp": 8080, "81/tcp": 11_000 });
    const outcome = failureOutcome(step, error, one, memory, now);
    expect(outcome.kind).toBe("counted");
    memory = outcome.memory ?? memory;
  }
  expect(starts).toBe(5);
  expect(now - 1_000_000).toBe(15_000);
  expect(memory.final?.state).toBe("failed");
});

test("a refused start of one that was ready is one of the starts in the window", () => {
  const ready = { ...freshMemory(1), attempts: 1, everReady: true, startTimes: [3] };
  const outcome = failureOutcome(start({}), new OzError("engine_refused", "x"), wanted("a"), ready, 5);
  expect(outcome.memory).toMatchObject({ starts: 1, startTimes: [3, 5] });
});

test("what failed for a generation that is no longer wanted is held against nobody", () => {
  const outcome = failureOutcome(fetch, new OzError("image_missing", "x"), wanted("a", 2), undefined, 5);
  expect(outcome.kind).toBe("trouble");
  expect(failureOutcome(fetch, new OzError("image_missing", "x"), undefined, undefined, 5).kind).toBe("trouble");
});
