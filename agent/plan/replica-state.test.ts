import { expect, test } from "vitest";
import { container, wanted } from "../testing/wanted.ts";
import { freshMemory } from "./memory.ts";
import { next, type Sight } from "./replica-state.ts";

const blank: Sight = {
  wanted: wanted("a"),
  retiring: false,
  containers: [],
  memory: undefined,
  health: undefined,
  activity: undefined,
  wait: undefined,
  trouble: undefined,
};
const runs = { containers: [container("a", 1)] };
const wait = (kind: "backoff" | "dependency" | "fenced", reason: string, until = 0) => ({
  wait: { tag: "wait", replicaId: "a", until, kind, reason } as const,
});

function state(sight: Partial<Sight>) {
  const { state, reason, nextAttemptAt } = next(undefined, { ...blank, ...sight }, 5);
  return [state, reason, nextAttemptAt];
}

test("each sight has its state", () => {
  expect(state({})).toEqual(["starting", "", 0]);
  expect(state(wait("dependency", "waits for db"))).toEqual(["starting", "waits for db", 0]);
  expect(state({ activity: "pulling" })).toEqual(["pulling", "", 0]);
  expect(state(runs)).toEqual(["starting", "", 0]);
  expect(state({ ...runs, health: { attempt: 1, verdict: "ready", detail: "x" } })).toEqual(["ready", "", 0]);
  expect(state({ ...runs, health: { attempt: 1, verdict: "unwell", detail: "GET :80/ answered 500" } })).toEqual([
    "unwell",
    "GET :80/ answered 500",
    0,
  ]);
  expect(state({ ...runs, health: { attempt: 7, verdict: "ready", detail: "" } })[0]).toBe("starting");
  expect(state({ ...runs, activity: "stopping" })[0]).toBe("stopping");
  expect(state(wait("backoff", "exit code 1", 99))).toEqual(["backoff", "exit code 1", 99]);
  expect(state({ trouble: { reason: "engine away", retryAt: 7 } })).toEqual(["backoff", "engine away", 7]);
  expect(state({ memory: { ...freshMemory(1), final: { state: "failed", reason: "r", at: 1 } } })).toEqual([
    "failed",
    "r",
    0,
  ]);
  expect(state({ ...runs, ...wait("fenced", "newer"), health: { attempt: 1, verdict: "ready", detail: "" } })).toEqual([
    "ready",
    "newer",
    0,
  ]);
});

test("what nobody asked for is unknown, what is retired is stopping", () => {
  expect(state({ wanted: undefined, ...runs })).toEqual(["unknown", "not asked for by anybody", 0]);
  const ended = { containers: [container("a", 1, { phase: "ended", exitCode: 3 })] };
  expect(state({ wanted: undefined, ...ended })).toEqual([
    "unknown",
    "not asked for by anybody; ended with exit code 3",
    0,
  ]);
  expect(state({ wanted: undefined, retiring: true, ...runs })).toEqual(["stopping", "", 0]);
  expect(state({ wanted: undefined, retiring: true, ...runs, trouble: { reason: "stuck", retryAt: 9 } })).toEqual([
    "stopping",
    "stuck",
    9,
  ]);
});

test("a failed update says that the former generation keeps running", () => {
  const failed = { ...freshMemory(2), final: { state: "failed", reason: "no such image", at: 1 } } as const;
  expect(state({ wanted: wanted("a", 2), ...runs, memory: failed })).toEqual([
    "failed",
    "no such image; what ran before keeps running",
    0,
  ]);
});

test("at the first sight since is what memory and containers tell, else now", () => {
  const known = { ...freshMemory(1), readyAttempt: 1, readyAt: 1_200 };
  const ready = { ...runs, health: { attempt: 1, verdict: "ready", detail: "" } } as const;
  const since = (sight: Partial<Sight>) => next(undefined, { ...blank, ...sight }, 9_000).since;
  expect(since({ ...ready, memory: known })).toBe(1_200);
  expect(since({ ...ready, memory: { ...known, readyAttempt: 0 } })).toBe(9_000);
  expect(since({ ...ready, memory: { ...known, generation: 0 } })).toBe(9_000);
  expect(since({ ...ready, memory: { ...known, readyAt: 99_000 } })).toBe(9_000);
  expect(since(runs)).toBe(1_000);
  expect(since({ memory: { ...known, final: { state: "stopped", reason: "", at: 1_500 } } })).toBe(1_500);
  expect(since({ wanted: undefined, ...runs })).toBe(9_000);
});

test("since moves with the state and the generation only; a final state stays", () => {
  const first = next(undefined, { ...blank, ...runs }, 10);
  expect(next(first, { ...blank, ...runs }, 20)).toEqual(first);
  expect(next(first, { ...blank, ...runs, health: { attempt: 1, verdict: "ready", detail: "" } }, 20).since).toBe(20);
  const failed = next(
    undefined,
    { ...blank, memory: { ...freshMemory(1), final: { state: "failed", reason: "r", at: 1 } } },
    30,
  );
  expect(next(failed, { ...blank, ...runs }, 40)).toBe(failed);
  expect(next(failed, { ...blank, wanted: wanted("a", 2) }, 40).state).toBe("starting");
  expect(next(failed, { ...blank, wanted: undefined, retiring: true }, 40).state).toBe("stopping");
  // Its end was taken back.
  expect(next(failed, { ...blank, memory: freshMemory(1) }, 40)).toMatchObject({ state: "starting", since: 40 });
});
