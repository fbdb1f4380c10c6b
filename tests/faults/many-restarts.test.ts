// A control plane that was started 500 times while an agent was away is still the one that the agent obeys.
import { afterAll, beforeAll, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { openSqlite } from "../../controlplane/store/testing/stores.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { report } from "../support/report-time.ts";

const restarts = 500;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster?.dispose());

test(`after ${restarts} starts of the control plane the agent comes back, keeps what runs and obeys`, async () => {
  const agent = await cluster.addHost();
  await cluster.mustApply(busyboxSettings({ name: "one" }, { name: "two" }));
  const before = await cluster.container("one");
  await agent.kill9();
  await cluster.control.kill9();

  const began = Date.now();
  const incarnations = new Set<string>();
  for (let i = 0; i < restarts; i++) {
    await using store = await openSqlite(cluster.stateDir);
    incarnations.add(store.incarnation);
  }
  expect(incarnations.size).toBe(restarts);
  report("one start of the store", (Date.now() - began) / restarts);

  await cluster.control.start();
  await agent.start();
  await cluster.untilHost("alpha", HostState.ONLINE);
  await cluster.untilReady("one");
  expect((await cluster.host("alpha"))?.problem).toBe("");
  expect(await cluster.container("one")).toEqual(before);
  const down = await cluster.ozctl("down", "two");
  expect(down.code, down.stderr).toBe(0);
  expect((await cluster.containers()).map(({ instance }) => instance)).toEqual(["one"]);
});
