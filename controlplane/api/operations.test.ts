import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InstancesService } from "#proto/instances_pb.ts";
import { OperationState, OperationsService } from "#proto/operations_pb.ts";
import { ReplicaState, ReplicasService } from "#proto/replicas_pb.ts";
import { PlanAction, SettingsService } from "#proto/settings_pb.ts";
import { startTestControlPlane, type TestControlPlane } from "../testing/control-plane.ts";

const settings = (instances: string) => ({
  files: [
    {
      name: "ozwald.yml",
      text: `project: shop
services: [{ name: web, image: "web:1", varieties: { cpu-only: {} }, profiles: { big: { environment: { SIZE: big } } } }]
instances: [${instances}]
`,
    },
  ],
});

let plane: TestControlPlane;
beforeEach(async () => {
  plane = await startTestControlPlane();
});
afterEach(() => plane[Symbol.asyncDispose]());

const instances = async () => (await plane.client(InstancesService).listInstances({})).instances;
const up = (request: object) => plane.client(InstancesService).upInstance({ name: "web", ...request });
const cancel = (id: bigint) => plane.client(OperationsService).cancelOperation({ id });

async function ended(id: bigint) {
  for await (const { operation } of plane.client(OperationsService).watchOperation({ id })) {
    if (operation !== undefined && operation.state !== OperationState.RUNNING) return operation.state;
  }
  throw new Error("the watch ended before the operation did");
}

/** Three ready replicas on host a, and a host b on which nothing becomes ready. */
async function three() {
  await plane.addHost("a");
  await plane.client(SettingsService).applySettings(settings(""));
  expect(await ended((await up({ replicas: 3 })).operationId)).toBe(OperationState.DONE);
  await plane.addHost("b", {}, ReplicaState.STARTING);
  return (await instances())[0]!.units.map((unit) => unit.id);
}

/** Says that the replica of a slot is ready on host a. */
async function becomesReady(slot: number) {
  const { replicas } = await plane.client(ReplicasService).listReplicas({});
  const { id, instance, group, generation } = replicas.find((replica) => replica.slot === slot)!;
  plane.hub.observe("id-a", { replicaId: id, generation, instance, group, slot, state: ReplicaState.READY });
}

describe("down", () => {
  test("nothing counts as gone that a host was told to run and has not spoken of", async () => {
    await three();
    plane.hub.mute("id-b");
    const begun = await up({ replicas: 4 });
    const id = begun.plan?.steps.at(-1)?.replicaId ?? "";
    await expect.poll(() => plane.hub.host("id-b")?.asked.has(id)).toBe(true);
    const { operationId } = await plane.client(InstancesService).downInstance({ name: "web" });
    await expect.poll(() => plane.hub.assigned.get("id-b")?.retire).toEqual([id]);
    // Another host speaks, and what the present one wants is long written.
    plane.hub.set("id-a", { address: "10.0.0.2" });
    await expect.poll(async () => (await instances())[0]?.units.map((unit) => unit.id)).toEqual([id]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await instances())[0]?.units).toMatchObject([{ id, state: ReplicaState.STOPPING }]);
    const { operations } = await plane.client(OperationsService).listOperations({});
    expect(operations[0]).toMatchObject({ id: operationId, state: OperationState.RUNNING });
    plane.hub.observe("id-b", { replicaId: id, state: ReplicaState.STOPPING, reason: "web-3 is busy" });
    expect((await instances())[0]?.units).toMatchObject([{ state: ReplicaState.STOPPING, reason: "web-3 is busy" }]);
    plane.hub.set("id-b", { asked: new Set(), observed: new Map() });
    expect(await ended(operationId)).toBe(OperationState.DONE);
    expect(await instances()).toEqual([]);
  });
});

describe("cancel", () => {
  test("a scale-up goes back to the replicas that the instance had, and these are not touched", async () => {
    const before = await three();
    const { operationId, plan } = await up({ replicas: 4 });
    expect(plan?.steps.at(-1)).toMatchObject({ slot: 3, host: "b", action: PlanAction.START });
    expect((await cancel(operationId)).operation?.state).toBe(OperationState.CANCELLED);
    await expect
      .poll(async () => (await instances())[0])
      .toMatchObject({
        replicas: 3,
        overridden: false,
        units: before.map((id) => ({ id, state: ReplicaState.READY })),
      });
  });

  test("what became ready stays, with the slots below it", async () => {
    await plane.addHost("a", {}, ReplicaState.STARTING);
    await plane.client(SettingsService).applySettings(settings("{ name: web, replicas: 4 }"));
    await becomesReady(1);
    const ids = (await instances())[0]!.units.map((unit) => unit.id);
    await cancel(1n);
    await expect
      .poll(async () => (await instances())[0])
      .toMatchObject({
        replicas: 2,
        overridden: false,
        units: [
          { slot: 0, id: ids[0] },
          { slot: 1, id: ids[1] },
        ],
      });
  });

  test("a new instance with nothing ready is wanted no more", async () => {
    await plane.addHost("a", {}, ReplicaState.STARTING);
    await plane.client(SettingsService).applySettings(settings(""));
    await cancel((await up({ replicas: 2 })).operationId);
    await expect.poll(instances).toEqual([]);
  });

  test("what has no place yet does not begin later", async () => {
    await plane.addHost("a", {}, ReplicaState.STARTING);
    const gpu = "{ name: gpu, service: web, resources: { gpus: 1 } }";
    const { operationId } = await plane.client(SettingsService).applySettings(settings(`{ name: web }, ${gpu}`));
    await cancel(operationId);
    await expect.poll(instances).toMatchObject([
      { name: "gpu", overridden: true, units: [] },
      { name: "web", overridden: true, units: [] },
    ]);
  });

  test("a replacement under way goes on: another spec, and another host", async () => {
    await three();
    const moved = await up({ host: "b", profile: "big" });
    expect((await cancel(moved.operationId)).operation?.state).toBe(OperationState.CANCELLED);
    expect((await instances())[0]).toMatchObject({ replicas: 3, host: "b", profile: "big" });
    const again = await up({ profile: "big", variety: "cpu-only" });
    if (again.operationId > 0n) await cancel(again.operationId);
    await expect
      .poll(async () => (await instances())[0]?.units.map(({ host, slot }) => ({ host, slot })))
      .toEqual([0, 1, 2].map((slot) => ({ host: "b", slot })));
  });

  test("a newer change is not taken back with an older one", async () => {
    await three();
    await up({ host: "b", replicas: 4 });
    const older = await up({ replicas: 5 });
    await up({ replicas: 6 });
    await cancel(older.operationId);
    expect((await instances())[0]).toMatchObject({ replicas: 6 });
  });
});
