// Instances that are not what was asked for.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ReplicaSchema, ReplicaState } from "#proto/replicas_pb.ts";
import { look, sampleInstance } from "../../testing/facts.ts";
import { replicaChecks as checks } from "./replicas.ts";

test.each([
  ["instances-failed", ReplicaState.FAILED, "ozctl restart shop:web"],
  ["instances-unwell", ReplicaState.UNWELL, "ozctl logs shop:web"],
  ["instances-unplaced", ReplicaState.PENDING, "ozctl why shop:web"],
])("%s", (name, state, fix) => {
  expect(look(checks, name, { instances: [sampleInstance(state, "because", "web", "shop")] })).toMatchObject([
    { subject: "shop:web", message: "because", fix: expect.stringContaining(fix) },
  ]);
  expect(look(checks, name, { instances: [sampleInstance(state)] })?.[0]?.message).not.toBe("");
  expect(look(checks, name, {})).toEqual([]);
});

test("replicas-unknown is a notice with both ways out", () => {
  const unknown = [create(ReplicaSchema, { id: "k3", instance: "old", host: "tower" })];
  const found = look(checks, "replicas-unknown", { unknown });
  expect(found).toMatchObject([{ subject: "tower/k3", notice: true }]);
  expect(found?.[0]?.fix).toContain("ozctl adopt tower/k3");
  expect(found?.[0]?.fix).toContain("ozctl retire tower/k3");
});
