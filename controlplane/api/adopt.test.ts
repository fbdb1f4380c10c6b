// What runs already when a control plane has lost its database: it is taken back, whenever the settings come.
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ReplicaState, ReplicasService } from "#proto/replicas_pb.ts";
import { PlanAction, SettingsService } from "#proto/settings_pb.ts";
import { startTestControlPlane, type TestControlPlane } from "../testing/control-plane.ts";

let plane: TestControlPlane;
beforeEach(async () => {
  plane = await startTestControlPlane();
});
afterEach(() => plane[Symbol.asyncDispose]());

const list = async () => (await plane.client(ReplicasService).listReplicas({})).replicas;

const text = `project: shop
services: [{ name: web, image: "web:1" }]
instances: [{ name: web }]
`;

async function apply() {
  return (await plane.client(SettingsService).applySettings({ files: [{ name: "ozwald.yml", text }] })).plan?.steps;
}

/** The host comes, obeys another history, and runs what nobody here knows. */
async function comes(otherHash?: string) {
  const specHash = otherHash ?? (await plane.context.world()).replicas[0]?.specHash ?? "";
  await plane.addHost("a");
  plane.hub.set("id-a", { obeys: false, problem: "belongs to another history" });
  const known = { instance: "web", group: "default", slot: 0, specHash };
  plane.hub.observe("id-a", { ...known, replicaId: "lost", generation: 3n, state: ReplicaState.READY });
  await expect.poll(async () => (await list()).map(({ state }) => state)).toContain(ReplicaState.UNKNOWN);
}

/** What the host is told once it obeys. */
async function told() {
  plane.hub.set("id-a", { obeys: true, problem: "" });
  await expect.poll(async () => (await list()).map(({ state }) => state)).toEqual([ReplicaState.READY]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  return plane.hub.assigned.get("id-a")?.run.map(({ replicaId, generation }) => [replicaId, generation]);
}

test("settings that came before the host start no second one beside it, and adopt takes it back as it is", async () => {
  expect(await apply()).toMatchObject([{ action: PlanAction.UNPLACED }]);
  await comes();
  expect((await plane.client(ReplicasService).adoptReplicas({ host: "a" })).replicaIds).toEqual(["lost"]);
  expect(await told()).toEqual([["lost", 3n]]);
});

test("applied again they take it back too, without a restart", async () => {
  await apply();
  await comes();
  expect(await apply()).toMatchObject([{ action: PlanAction.KEEP, reason: "runs already; taken back" }]);
  expect(await told()).toEqual([["lost", 3n]]);
});

test("until a person decides nothing is started in its place, although the host obeys", async () => {
  await apply();
  await comes();
  plane.hub.set("id-a", { obeys: true, problem: "" });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await list()).map(({ state }) => state)).toEqual([ReplicaState.PENDING, ReplicaState.UNKNOWN]);
  expect(plane.hub.assigned.get("id-a")?.run).toEqual([]);
});

test("adopt restarts nothing: other settings are for apply, whose plan says so", async () => {
  await apply();
  await comes("of other settings");
  const refused = await plane.client(ReplicasService).adoptReplicas({ host: "a" }).catch(ConnectError.from);
  expect(refused).toMatchObject({
    code: Code.FailedPrecondition,
    rawMessage: "web runs with other settings than those that ask for it now",
  });
  const steps = [{ action: PlanAction.RESTART, reason: "runs already, with other settings; taken back" }];
  const request = { files: [{ name: "ozwald.yml", text }] };
  expect((await plane.client(SettingsService).planSettings(request)).plan?.steps).toMatchObject(steps);
  expect(await apply()).toMatchObject(steps);
  expect(plane.hub.assigned.get("id-a")?.run).toMatchObject([{ replicaId: "lost", generation: 4n }]);
});
