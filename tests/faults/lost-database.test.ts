// The control plane's database is emptied or set back to an older copy: nothing stops, what runs is shown as unknown, a person decides.
import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";

const names = ["one", "two"];
const wanted = busyboxSettings(...names.map((name) => ({ name, host: "alpha" })));

let cluster: Cluster;
let before: string[];

beforeEach(async () => {
  cluster = await startCluster();
  await cluster.addHost();
  await cluster.mustApply(wanted);
  before = await lives();
});

afterEach(() => cluster?.dispose());

/** What runs and may not change. */
async function lives(): Promise<string[]> {
  const running = (await cluster.containers()).filter((container) => container.running);
  return running.map(({ instance, pid, startedAt, id }) => `${instance} ${pid} ${startedAt} ${id}`).toSorted();
}

async function emptyDatabase(): Promise<void> {
  await cluster.control.stop();
  const files = (await readdir(cluster.stateDir)).filter((name) => name.startsWith("controlplane.db"));
  expect(files).not.toEqual([]);
  for (const file of files) await rm(join(cluster.stateDir, file));
  await cluster.control.start();
}

async function untilUnknown(count: number): Promise<void> {
  await cluster.waitFor(`${count} replicas are unknown`, async () => {
    const { unknown } = await cluster.instances();
    return unknown.length === count && unknown.every(({ state }) => state === ReplicaState.UNKNOWN);
  });
}

test("emptied: nothing stops, ps says what to type, and settings take it back with the same process", async () => {
  await emptyDatabase();
  await untilUnknown(2);
  const ps = await cluster.ozctl("ps");
  expect(ps.stdout).toMatch(/one .*alpha .*unknown/);
  for (const [, place] of ps.stdout.matchAll(/ozctl adopt (\S+) {1,3}or {1,3}ozctl retire \1/g)) {
    expect(place).toMatch(/^alpha\/[0-9a-z]+$/);
  }
  expect(ps.stdout.match(/ozctl adopt/g)).toHaveLength(2);

  const refused = await cluster.ozctl("adopt", "alpha", "--all");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/nothing asks for (one|two)[^]*(apply|Apply)/);
  expect(await lives()).toEqual(before);

  const plan = await cluster.ozctl("plan", "-f", await cluster.settings(wanted));
  expect(plan.stdout).toMatch(/= one\s+keep\s+alpha/);
  await cluster.mustApply(wanted);
  for (const name of names) await cluster.untilReady(name);
  await untilUnknown(0);
  expect(await lives()).toEqual(before);
  await cluster.waitFor("the host obeys again", async () => (await cluster.host("alpha"))?.problem === "");
  // It obeys again: what is changed now arrives.
  expect((await cluster.ozctl("down", "two")).code).toBe(0);
  expect((await lives()).map((life) => life.split(" ")[0])).toEqual(["one"]);
});

test("emptied, and nobody wants what runs: retire ends it, and only then", async () => {
  await emptyDatabase();
  await untilUnknown(2);
  expect(await lives()).toEqual(before);
  const { unknown } = await cluster.instances();
  const [first, second] = unknown.toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
  const one = await cluster.ozctl("retire", `alpha/${first?.id}`);
  expect(one.code, one.stderr).toBe(0);
  await cluster.waitFor("the first is gone", async () => (await lives()).length === 1);
  expect(await lives()).toEqual(before.filter((life) => life.startsWith(`${second?.instance} `)));
  expect((await cluster.ozctl("retire", "alpha", "--all")).code).toBe(0);
  await cluster.waitFor("nothing of the cluster is left", async () => (await cluster.containers()).length === 0);
  await untilUnknown(0);
});

test("set back to an older copy: newer things keep running as unknown, older ones stay, adopt takes all back", async () => {
  expect((await cluster.ozctl("down", "two")).code).toBe(0);
  await cluster.control.stop();
  const copy = join(cluster.folder, "older");
  await cp(cluster.stateDir, copy, { recursive: true });
  await cluster.control.start();
  await cluster.untilHost("alpha", HostState.ONLINE);
  const up = await cluster.ozctl("up", "two");
  expect(up.code, up.stderr).toBe(0);
  const newer = await lives();
  expect(newer).toHaveLength(2);

  await cluster.control.stop();
  await rm(cluster.stateDir, { recursive: true });
  await cp(copy, cluster.stateDir, { recursive: true });
  await cluster.control.start();
  await cluster.waitFor("the host says that it obeys another history", async () =>
    (await cluster.host("alpha"))?.problem.includes("another history"),
  );
  await untilUnknown(1);
  expect((await cluster.ozctl("ps")).stdout).toMatch(/two .*alpha .*unknown/);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(await lives()).toEqual(newer);

  const adopted = await cluster.ozctl("adopt", "alpha", "--all");
  expect(adopted.code, adopted.stderr).toBe(0);
  expect(adopted.stdout).toContain("1 replica on alpha adopted");
  await untilUnknown(0);
  await cluster.waitFor("the host obeys again", async () => (await cluster.host("alpha"))?.problem === "");
  for (const name of names) await cluster.untilReady(name);
  expect(await lives()).toEqual(newer);
  // And it obeys: what ends now is what was said last.
  expect((await cluster.ozctl("down", "one")).code).toBe(0);
  expect(await lives()).toEqual(newer.filter((life) => life.startsWith("two ")));
});
