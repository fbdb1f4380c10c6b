import { describe, expect, test } from "vitest";
import { PlanAction } from "#proto/settings_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import type { Target } from "../change/targets.ts";
import { nextSteady, operationProgress, type ReplicaStanding, settleMs } from "./operation-progress.ts";

const target = (fields: Partial<Target> = {}): Target => ({
  replicaId: "r",
  action: PlanAction.START,
  instance: "web",
  group: "default",
  slot: 0,
  host: "a",
  startedAt: 1,
  endedAt: null,
  failed: false,
  reason: "",
  ...fields,
});
const standing = (fields: Partial<ReplicaStanding> = {}): ReplicaStanding => ({
  id: "r",
  generation: 2,
  wish: "run",
  state: ReplicaState.READY,
  seenGeneration: 2,
  reason: "",
  attempt: 1,
  probed: true,
  ...fields,
});
const progress = (t: Target, r?: ReplicaStanding) =>
  operationProgress([t], new Map(r === undefined ? [] : [["r", r]]), new Map(), 9);

describe("operationProgress", () => {
  test("waits for the generation that is wanted", () => {
    expect(progress(target(), standing({ seenGeneration: 1 }))).toMatchObject({ state: "running", changed: false });
    expect(progress(target(), standing({ state: ReplicaState.STARTING }))).toMatchObject({ state: "running" });
    expect(progress(target(), standing())).toMatchObject({
      state: "done",
      changed: true,
      targets: [{ endedAt: 9, failed: false }],
    });
  });
  test("one without any check has to stay up for a while: what exits at once is no success", () => {
    const up = standing({ probed: false });
    const replicas = new Map([["r", up]]);
    const steady = nextSteady(new Map(), replicas, 100);
    expect(operationProgress([target()], replicas, steady, 100)).toMatchObject({
      state: "running",
      changed: false,
      againMs: settleMs,
    });
    expect(operationProgress([target()], replicas, steady, 100 + settleMs)).toMatchObject({ state: "done" });
    const restarted = new Map([["r", standing({ probed: false, attempt: 2 })]]);
    expect(nextSteady(steady, restarted, 900).get("r")).toEqual({ attempt: 2, since: 900 });
    expect(nextSteady(steady, replicas, 900).get("r")).toEqual({ attempt: 1, since: 100 });
    const ended = new Map([["r", standing({ probed: false, state: ReplicaState.BACKOFF })]]);
    expect(nextSteady(steady, ended, 900).size).toBe(0);
  });
  test("a failed replica fails it with its reason", () => {
    expect(progress(target(), standing({ state: ReplicaState.FAILED, reason: "exit code 1" }))).toMatchObject({
      state: "failed",
      targets: [{ failed: true, reason: "exit code 1" }],
    });
  });
  test("a stop is done when nothing is left", () => {
    expect(progress(target({ action: PlanAction.STOP }), standing({ wish: "retire" }))).toMatchObject({
      state: "running",
    });
    expect(progress(target({ action: PlanAction.STOP }))).toMatchObject({ state: "done" });
  });
  test("something newer ends it without calling it a failure", () => {
    expect(progress(target(), standing({ wish: "retire" }))).toMatchObject({ state: "superseded" });
    expect(progress(target())).toMatchObject({ state: "superseded" });
  });
  test("what ended stays ended", () => {
    expect(progress(target({ endedAt: 3, failed: true, reason: "no GPU" }), standing())).toMatchObject({
      state: "failed",
      changed: false,
      targets: [{ endedAt: 3 }],
    });
  });
});
