import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RestartCondition, type RestartPolicy, RestartPolicySchema } from "#proto/spec_pb.ts";
import { container, spec } from "../testing/wanted.ts";
import {
  type AttemptEnd,
  forGeneration,
  freshMemory,
  heal,
  noteReady,
  noteStart,
  noteStopped,
  type ReplicaMemory,
} from "./memory.ts";
import { afterEnd, duringOutage, endReason, restartLimits, takeBackEnd } from "./restart.ts";

function end(attempt: number, at: number, more: Partial<AttemptEnd> = {}): AttemptEnd {
  return {
    attempt,
    cause: "exited",
    at,
    exitCode: 1,
    outOfMemory: false,
    reason: "exit code 1",
    logTail: [],
    probed: true,
    ...more,
  };
}

function policy(init: Partial<Omit<RestartPolicy, "$typeName" | "$unknown">>): RestartPolicy {
  return create(RestartPolicySchema, init);
}

/** Starts attempts that end after ranMs each, and collects the waits between them. */
function crashLoop(
  starts: number,
  options: { ranMs: number; ready?: boolean; policy?: RestartPolicy; probed?: boolean },
) {
  let memory: ReplicaMemory = freshMemory(1);
  let now = 1_000_000;
  const waits: number[] = [];
  for (let i = 0; i < starts && memory.final === undefined; i++) {
    now = Math.max(now, memory.nextAttemptAt);
    const attempt = memory.attempts + 1;
    memory = noteStart(memory, attempt, 10_000, now);
    if (options.ready) memory = noteReady(memory, attempt, now);
    now += options.ranMs;
    memory = afterEnd(memory, end(attempt, now, { probed: options.probed ?? true }), options.policy, now);
    waits.push(memory.nextAttemptAt - now);
  }
  return { memory, waits, tookMs: now - 1_000_000 };
}

test("waits double from 1 s, and 5 starts without ready are the end", () => {
  const { memory, waits, tookMs } = crashLoop(10, { ranMs: 100 });
  expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(memory.starts).toBe(5);
  expect(memory.final).toMatchObject({ state: "failed", reason: "exit code 1, after 5 starts in 16 s" });
  expect(tookMs).toBe(15_500);
});

test("an attempt that was ready is not held to the budget of starts, and waits reach 5 min", () => {
  const { memory, waits } = crashLoop(11, { ranMs: 60_000, ready: true });
  expect(memory.final).toBeUndefined();
  expect(waits.at(-1)).toBe(300_000);
});

test("12 starts within the window after having been ready are the end", () => {
  const quick = policy({ backoffMinMs: 1n, backoffMaxMs: 10n });
  const { memory } = crashLoop(30, { ranMs: 1_000, ready: true, policy: quick });
  expect(memory.final?.reason).toBe("exit code 1, after 12 starts in 10 min");
  expect(memory.starts).toBe(13);
});

test.each([0, 1_000, 10_000, 25_000, 40_000, 48_000])(
  "by default, one that is ready and ends after %i ms each time is failed after 12 starts in 10 min",
  (ranMs) => {
    const { memory, waits, tookMs } = crashLoop(100, { ranMs, ready: true });
    expect(memory.final?.reason).toBe("exit code 1, after 12 starts in 10 min");
    expect(waits.slice(0, 2)).toEqual([1_000, Math.min(2_000, 50_000 - ranMs)]);
    expect(tookMs).toBeLessThan(700_000);
  },
);

test("by default, one that was ready once and never again is failed too, whether it ends or is refused", () => {
  for (const cause of ["exited", "refused"] as const) {
    let memory = noteReady(noteStart(freshMemory(1), 1, 10_000, 0), 1, 100);
    let now = 30_000;
    memory = afterEnd(memory, end(1, now), undefined, now);
    for (let attempt = 2; attempt < 100 && memory.final === undefined; attempt++) {
      now = memory.nextAttemptAt;
      memory = afterEnd(noteStart(memory, attempt, 10_000, now), end(attempt, now, { cause }), undefined, now);
    }
    expect(memory.final?.reason).toBe("exit code 1, after 12 starts in 10 min");
    expect(memory.starts).toBe(13);
  }
});

test("starts that the engine ended are not counted", () => {
  let memory = { ...freshMemory(1), everReady: true };
  for (let attempt = 1; attempt <= 30; attempt++) {
    const at = 1_000 * attempt;
    memory = {
      ...memory,
      ...afterEnd(noteStart(memory, attempt, 10_000, at), end(attempt, at, { cause: "engine" }), undefined, at),
    };
  }
  expect(afterEnd(noteStart(memory, 31, 10_000, 31_000), end(31, 31_000), undefined, 31_000).final).toBeUndefined();
});

test("10 min of health wipe the slate", () => {
  const tired = { ...crashLoop(4, { ranMs: 10 }).memory };
  const started = noteReady(noteStart(tired, 5, 10_000, 2_000_000), 5, 2_000_000);
  const after = afterEnd(started, end(5, 2_600_000), undefined, 2_600_000);
  expect(after.nextAttemptAt - 2_600_000).toBe(1_000);
  expect(after.startsWithoutReady).toBe(0);
});

test("without any check, running for a moment is no success", () => {
  expect(crashLoop(9, { ranMs: 500, ready: true, probed: false }).memory.final?.state).toBe("failed");
  expect(crashLoop(9, { ranMs: 11_000, ready: true, probed: false }).memory.final).toBeUndefined();
});

test("conditions: never, on failure, always", () => {
  const never = policy({ condition: RestartCondition.NEVER });
  const onFailure = policy({ condition: RestartCondition.ON_FAILURE });
  const memory = noteStart(freshMemory(1), 1, 10_000, 0);
  expect(afterEnd(memory, end(1, 5), never, 5).final?.reason).toBe("exit code 1, and its restart policy is never");
  expect(afterEnd(memory, end(1, 5, { exitCode: 0 }), never, 5).final?.state).toBe("stopped");
  expect(afterEnd(memory, end(1, 5, { exitCode: 0 }), onFailure, 5).final?.state).toBe("stopped");
  expect(afterEnd(memory, end(1, 5), onFailure, 5).final).toBeUndefined();
  expect(afterEnd(memory, end(1, 5, { exitCode: 0 }), undefined, 5).final).toBeUndefined();
});

test("an end by the engine costs nothing and starts again at once", () => {
  const memory = noteStart(freshMemory(1), 1, 10_000, 0);
  const after = afterEnd(memory, end(1, 5, { cause: "engine" }), undefined, 7);
  expect(after).toMatchObject({ settled: 1, startsWithoutReady: 0, ends: 0, nextAttemptAt: 7 });
});

test("an end that turns out to be the engine's is taken back", () => {
  const memory = noteStart(freshMemory(1), 1, 10_000, 0);
  const counted = afterEnd(memory, end(1, 100_000), undefined, 100_000);
  expect(counted.startsWithoutReady).toBe(1);
  const outages = [{ from: 105_000, to: 110_000 }];
  expect(takeBackEnd(counted, outages, 111_000)).toMatchObject({
    startsWithoutReady: 0,
    ends: 0,
    nextAttemptAt: 111_000,
  });
  expect(takeBackEnd(counted, [], 111_000)).toBe(counted);
  expect(takeBackEnd(freshMemory(1), outages, 111_000)).toMatchObject({ attempts: 0 });
  expect(duringOutage(84_000, outages)).toBe(false);
  expect(duringOutage(119_000, outages)).toBe(true);
  expect(duringOutage(119_000, outages, 109_000)).toBe(true);
  expect(duringOutage(119_000, outages, 110_000)).toBe(false);
});

test.each([
  [RestartCondition.ON_FAILURE, 0],
  [RestartCondition.NEVER, 0],
  [RestartCondition.NEVER, 143],
])("a final end (policy %i, exit code %i) that turns out to be the engine's is taken back", (condition, exitCode) => {
  const memory = noteStart(freshMemory(1), 1, 10_000, 0);
  const final = afterEnd(memory, end(1, 100_000, { exitCode }), policy({ condition }), 100_000);
  expect(final.final).toBeDefined();
  const back = takeBackEnd(final, [{ from: 101_000, to: 110_000 }], 111_000);
  expect(back.final).toBeUndefined();
  expect(back).toMatchObject({ nextAttemptAt: 111_000, lastEnd: { cause: "engine" }, settled: 1 });
  expect(takeBackEnd(back, [{ from: 101_000, to: 110_000 }], 112_000)).toBe(back);
  expect(takeBackEnd(final, [{ from: 130_000, to: 140_000 }], 141_000)).toBe(final);
  // A reboot has no known beginning: what had ended for good before it stays so.
  expect(takeBackEnd(final, [{ from: 0, to: 9e12 }], 9e12)).toBe(final);
});

test("a start that a stopping engine refused is taken back as well, before it had an attempt too", () => {
  const outages = [{ from: 101_000, to: 110_000 }];
  const refused = (attempt: number) => end(attempt, 100_000, { cause: "refused", reason: "context canceled" });
  const once = policy({ condition: RestartCondition.NEVER });
  for (const memory of [freshMemory(1), noteStart(freshMemory(1), 1, 10_000, 99_000)]) {
    const failed = afterEnd(memory, refused(memory.attempts), once, 100_000);
    expect(failed.final?.state).toBe("failed");
    const back = takeBackEnd(failed, outages, 111_000);
    expect(back).toMatchObject({ startsWithoutReady: 0, nextAttemptAt: 111_000, lastEnd: { cause: "engine" } });
    expect(back.final).toBeUndefined();
    expect(takeBackEnd(failed, [{ from: 130_000, to: 140_000 }], 141_000)).toBe(failed);
  }
});

test("a final memory only takes note", () => {
  const final = crashLoop(9, { ranMs: 1 }).memory;
  const after = afterEnd(final, end(6, 9e9), undefined, 9e9);
  expect(after.final).toEqual(final.final);
  expect(after.settled).toBe(6);
});

test("a clock that was set back does not make it wait longer than the backoff", () => {
  const memory = noteStart(freshMemory(1), 1, 10_000, 0);
  expect(afterEnd(memory, end(1, 9_000_000), undefined, 1_000).nextAttemptAt).toBe(2_000);
});

test("reasons name the kernel, the engine and the signal", () => {
  const limited = spec({ resources: { memoryBytes: 64n << 20n } });
  const ended = (more: object) => container("web", 1, { phase: "ended", ...more });
  expect(endReason(ended({ outOfMemory: true, exitCode: 137 }), "exited", limited)).toBe(
    "out of memory (limit 64.0 MiB)",
  );
  expect(endReason(ended({ outOfMemory: true }), "exited", spec())).toBe("out of memory");
  expect(endReason(ended({ exitCode: 137 }), "exited", undefined)).toBe("exit code 137 (killed)");
  expect(endReason(ended({ exitCode: 3 }), "exited", undefined)).toBe("exit code 3");
  expect(endReason(ended({ error: "no such program" }), "exited", undefined)).toBe("no such program");
  expect(endReason(ended({}), "engine", undefined)).toBe("the container engine or the host restarted");
});

test("a new generation begins with a full budget and goes on counting attempts", () => {
  const old = { ...crashLoop(9, { ranMs: 1 }).memory, hostPorts: { "80/tcp": 11_000 } };
  const fresh = forGeneration(old, 2);
  expect(fresh).toMatchObject({ generation: 2, attempts: 5, settled: 5, starts: 0, hostPorts: { "80/tcp": 11_000 } });
  expect(fresh.final).toBeUndefined();
  expect(forGeneration(fresh, 2)).toBe(fresh);
  expect(forGeneration(undefined, 3)).toEqual(freshMemory(3));
});

test("what is forgotten is found again on the containers", () => {
  const ports = [{ containerPort: 80, hostPort: 11_007, transport: "tcp" }];
  const healed = heal(freshMemory(1), [container("web", 6, { phase: "ended" }), container("web", 7, { ports })]);
  expect(healed).toMatchObject({
    attempts: 7,
    settled: 6,
    starts: 1,
    firstStartAt: 1_000,
    hostPorts: { "80/tcp": 11_007 },
  });
  expect(heal(freshMemory(2), [container("web", 7)])).toMatchObject({
    attempts: 7,
    settled: 7,
    starts: 0,
    firstStartAt: 0,
  });
  expect(heal(healed, [])).toBe(healed);
});

test("starting the same attempt again does not count twice; stopping on purpose is no end that counts", () => {
  const one = noteStart(freshMemory(1), 1, 5_000, 10);
  expect(noteStart(one, 1, 7_000, 20)).toMatchObject({ starts: 1, graceMs: 7_000, firstStartAt: 10 });
  expect(noteReady(noteReady(one, 1, 30), 1, 40).readyAt).toBe(30);
  expect(noteStopped(one, 1)).toMatchObject({ settled: 1, startsWithoutReady: 0 });
});

test("the reason of an end goes on in one sentence", () => {
  const end = { attempt: 1, cause: "refused", at: 10, outOfMemory: false, logTail: [], probed: true } as const;
  const policy = create(RestartPolicySchema, { maxStartsWithoutReady: 1 });
  const memory = afterEnd(noteStart(freshMemory(1), 1, 1_000, 10), { ...end, reason: "/x is not there." }, policy, 10);
  expect(memory.final?.reason).toBe("/x is not there, after 1 start in 0.0 s");
  expect(memory.lastEnd?.reason).toBe("/x is not there");
});

test("limits have defaults", () => {
  expect(restartLimits(undefined)).toEqual({
    condition: RestartCondition.ALWAYS,
    startsWithoutReady: 5,
    startsInWindow: 12,
    windowMs: 600_000,
    minMs: 1_000,
    maxMs: 300_000,
  });
});
