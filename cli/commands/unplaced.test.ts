// What apply says of what has no place.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OperationsService, OperationState } from "#proto/operations_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { PlanAction, SettingsService } from "#proto/settings_pb.ts";
import { runOzctl } from "../testing/fake-io.ts";
import { type FakeControlplane, fakeControlplane } from "../testing/fake-controlplane.ts";

const reason = "does not fit where it runs: misses by 2 GiB. What runs is left as it is";
const at = { instance: "embed", group: "default", host: "devbox", action: PlanAction.UNPLACED, reason };
const steps = [0, 1].map((slot) => ({ ...at, slot }));
const shown = [`  ! embed#0  no place  devbox  ${reason}\n`, `  ! embed#1  no place  devbox  ${reason}\n`].join("");

let folder: string;
let open: FakeControlplane;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ozctl-unplaced-"));
  writeFileSync(join(folder, "ozwald.yml"), "services: []\n");
});

afterEach(async () => {
  await open.close();
  rmSync(folder, { recursive: true });
});

async function apply(operationId: bigint, ...words: string[]) {
  const plan = { project: "shop", fromRevision: 7n, toRevision: operationId === 0n ? 7n : 8n, steps };
  const { instance, group, host } = at;
  const replica = { instance, group, host, state: ReplicaState.READY };
  const failed = steps.map((step) => ({ ...step, failed: true, replica }));
  open = await fakeControlplane((router) => {
    router.rpc(SettingsService.method.planSettings, () => ({ plan }));
    router.rpc(SettingsService.method.applySettings, () => ({ operationId, plan }));
    router.rpc(OperationsService.method.watchOperation, async function* () {
      yield { operation: { id: operationId, title: "apply shop", state: OperationState.FAILED, steps: failed } };
    });
  });
  return runOzctl(["apply", "--yes", ...words], { cwd: folder, env: { ...open.env } });
}

test("once for all replicas, and not as a failure of what runs", async () => {
  expect(await apply(12n)).toEqual({
    code: 1,
    out: `Plan for project shop (revision 7 → 8)\n${shown}embed#0 no place on devbox\nembed#1 no place on devbox\n`,
    err: `embed has no place on devbox: ${reason}\nWhy:  ozctl why embed\n`,
  });
});

test.each([
  [[], `Plan for project shop (revision 7)\n${shown}`],
  [["-o", "json"], '{\n  "operation": null\n}\n'],
])("asked for again %j: exit 1 still", async (format, out) => {
  const err = "What is marked ! has no place still; nothing else is to change.  ozctl why NAME\n";
  expect(await apply(0n, ...format)).toEqual({ code: 1, out, err });
});
