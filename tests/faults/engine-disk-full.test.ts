// The disk under the engine runs full: what stopped must not be told as running, and everything heals when there is space again.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OzError } from "#core/errors.ts";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import { noGpus } from "../../agent/host/gpu-reader.ts";
import { readInventory } from "../../agent/host/inventory.ts";
import { containerPlan } from "../support/container-plan.ts";
import { privateEngine, type PrivateEngine } from "../support/private-engine.ts";
import { isRunning } from "../support/process-tree.ts";
import { mustRun, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";

const clusterId = "fulldisk";
let folder = "";
let disk = "";
let host: PrivateEngine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ozwald-disk-"));
  disk = join(folder, "disk");
  const image = join(folder, "image");
  await mustRun(["truncate", "-s", "80M", image]);
  // -m 0: root would otherwise still write into the reserve.
  await mustRun(["mkfs.ext4", "-q", "-m", "0", image]);
  await mustRun(["mkdir", disk]);
  await mustRun(["mount", "-o", "loop", image, disk]);
  host = await privateEngine({ dataRoot: join(disk, "data") });
});
afterAll(async () => {
  await host.dispose();
  await runCommand(["umount", disk]);
  await rm(folder, { recursive: true, force: true });
});

test("a full disk hides no end, refuses clearly, and heals", async () => {
  const engine = createDockerEngine({ clusterId, socketPath: host.socketPath, log: quietLog, clock: systemClock });
  const plan = (replicaId: string) => {
    const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];
    return containerPlan({ clusterId, replicaId, spec: { command } });
  };
  await engine.ensureNetwork("default");
  const id = await engine.create(plan("r1aaaaaa"));
  await engine.start(id);
  const pid = (await engine.list())[0]?.pid ?? 0;
  expect((await readInventory({ engine, gpu: noGpus })).warnings.join()).not.toMatch(/nearly full/);

  await runCommand(["dd", "if=/dev/zero", `of=${disk}/filler`, "bs=64k"]);
  await writeFile(join(disk, "rest"), Buffer.alloc(65_536)).catch(() => {});
  expect((await readInventory({ engine, gpu: noGpus })).warnings.join()).toMatch(/nearly full/);
  expect((await engine.list())[0]).toMatchObject({ id, phase: "running", pid });
  const refused = await engine
    .create(plan("r2aaaaaa"))
    .then((made) => engine.start(made))
    .then(
      () => undefined,
      (thrown: OzError) => thrown,
    );
  expect(refused).toMatchObject({ code: "disk_full" });

  await engine.stop(id, 2_000);
  await waitUntil("its process is gone", async () => !(await isRunning(pid)));
  const ended = (await engine.list()).find((container) => container.id === id);
  expect(ended).toMatchObject({ phase: "ended", pid: 0 });

  await rm(join(disk, "filler"));
  await rm(join(disk, "rest"), { force: true });
  for (const container of await engine.list()) {
    await engine.stop(container.id, 0);
    await engine.remove(container.id);
  }
  expect(await engine.list()).toEqual([]);
  const again = await engine.create(plan("r3aaaaaa"));
  await engine.start(again);
  expect((await engine.list())[0]).toMatchObject({ id: again, phase: "running" });
});
