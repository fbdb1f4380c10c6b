import { describe, expect, test } from "vitest";
import { PlanAction } from "#proto/settings_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import type { Target } from "../change/targets.ts";
import { operationProgress, type ReplicaStanding } from "./operation-progress.ts";

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
  ...fields,
});
const progress = (t: Target, r?: ReplicaStanding) =>
  operationProgress([t], new Map(r === undefined ? [] : [["r", r]]), 9);

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
