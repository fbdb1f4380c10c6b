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
  instance: "web",
  group: "default",
  host: "a",
  generation: 2,
  wish: "run",
  state: ReplicaState.READY,
  seenGeneration: 2,
  reason: "",
  attempt: 1,
  probed: true,
  waitsFor: [],
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
  describe("when all that is left waits for something that failed for good", () => {
    const app = (waitsFor: string[] = ["db"], id = "app") =>
      standing({ id, instance: id, state: ReplicaState.STARTING, reason: `waits for ${waitsFor.join()}`, waitsFor });
    const db = (state: ReplicaState = ReplicaState.FAILED, more: Partial<ReplicaStanding> = {}) =>
      standing({ id: "db", instance: "db", state, reason: "exit code 1", ...more });
    const of = (...replicas: ReplicaStanding[]) =>
      operationProgress(
        replicas.map(({ id, instance }) => target({ replicaId: id, instance })),
        new Map(replicas.map((each) => [each.id, each])),
        new Map(),
        9,
      );
    test("it is failed, through others too", () => {
      expect(of(db(), app())).toMatchObject({
        state: "failed",
        targets: [
          { failed: true, reason: "exit code 1" },
          { failed: true, reason: "waits for db", endedAt: 9 },
        ],
      });
      expect(of(db(), app(), app(["app"], "top")).state).toBe("failed");
    });
    test("it goes on while something else may still change", () => {
      const slow = standing({ id: "slow", instance: "slow", state: ReplicaState.STARTING });
      expect(of(db(), app(), slow)).toMatchObject({
        state: "running",
        targets: [{ failed: true }, { endedAt: null }, {}],
      });
      expect(of(db(ReplicaState.BACKOFF), app()).state).toBe("running");
      expect(of(db(ReplicaState.FAILED, { seenGeneration: 1 }), app()).state).toBe("running");
      const other = db(ReplicaState.READY, { id: "db2", instance: "db" });
      expect(of(db(), other, app()).state).toBe("running");
      expect(of(db(ReplicaState.FAILED, { host: "b" }), app()).state).toBe("running");
      expect(of(app(["top"]), app(["app"], "top")).state).toBe("running");
    });
  });
});
