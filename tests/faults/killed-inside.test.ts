// The agent is killed inside each of its steps, before and after the effect: the next one finishes what was begun, once.
import { rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { busyboxSettings, stays } from "../support/busybox-settings.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { machineDocker, type SeenContainer } from "../support/cluster-containers.ts";
import { report } from "../support/report-time.ts";

const points = [
  ...["journal", "journaled", "network", "create", "created", "start", "started"],
  ...["stop", "stopped", "remove", "removed", "record", "recorded", "forget", "forgotten"],
];

let cluster: Cluster;
let agent: ClusterAgent;
let steady: SeenContainer;
let round = 0;

/** Each round replaces one instance, ends one and begins one; "steady" stays. */
function nextRound(): { settings: string; names: string[] } {
  round++;
  const names = ["steady", "changes", round % 2 === 0 ? "even" : "odd"];
  const changes = { name: "changes", script: stays(`echo round ${round}`) };
  return { settings: busyboxSettings({ name: "steady" }, changes, { name: names[2] ?? "" }), names };
}

beforeAll(async () => {
  cluster = await startCluster();
  agent = await cluster.addHost();
  await cluster.mustApply(nextRound().settings);
  steady = await cluster.container("steady");
});

afterAll(() => cluster?.dispose());

async function asWanted(names: readonly string[]): Promise<void> {
  await cluster.waitFor("everything is as wanted, once", async () => {
    const { instances, unknown } = await cluster.instances();
    if (unknown.length > 0 || instances.length !== names.length) return false;
    const containers = await cluster.containers();
    const running = containers.filter((container) => container.running);
    const ready = instances.every(
      ({ units: [unit] }) => unit?.observed?.generation === unit?.generation && unit?.state === ReplicaState.READY,
    );
    const known = new Set(instances.flatMap(({ units }) => units.map(({ id }) => id)));
    const once =
      running
        .map(({ instance }) => instance)
        .toSorted()
        .join() === names.toSorted().join();
    // Ended attempts are kept for their logs: of what is wanted only, and the last three.
    const kept = containers.every(({ replicaId }) => known.has(replicaId)) && containers.length <= names.length + 3;
    return ready && once && kept;
  });
  expect(await cluster.container("steady")).toEqual(steady);
}

async function applyNextRound(): Promise<string[]> {
  const { settings, names } = nextRound();
  const applied = await cluster.apply(settings, "--detach");
  expect(applied.code, applied.stderr).toBe(0);
  return names;
}

/** Only an end that nobody asked for is recorded. */
async function somethingDies(): Promise<string[]> {
  await machineDocker("kill", (await cluster.container("changes")).id);
  return (await cluster.instances()).instances.map(({ name }) => name);
}

describe("an agent that is killed inside", () => {
  test.each(points)("%s", async (point) => {
    await agent.kill9();
    await agent.start({ OZWALD_FAILPOINT: `${point}:1:kill` });
    const names = await (point.startsWith("record") ? somethingDies() : applyNextRound());
    await cluster.waitFor(`the agent comes to ${point}`, () => agent.exitCode() !== undefined, 15_000);
    const began = Date.now();
    await agent.start();
    await asWanted(names);
    report(`killed at ${point}, back to all as wanted`, Date.now() - began);
    const lines = await machineDocker("logs", (await cluster.container("changes")).id);
    expect(lines).toContain(`round ${round}`);
  });
});

describe("an agent whose journal is", () => {
  test.each(["removed", "cut off", "rubbish"])("%s takes everything over again", async (how) => {
    const before = (await cluster.containers()).filter(({ running }) => running);
    await agent.kill9();
    const journal = join(agent.stateDir, "journal.json");
    if (how === "removed") await rm(journal);
    else if (how === "cut off") await truncate(journal, 100);
    else await writeFile(journal, "rubbish");
    await agent.start();
    await cluster.untilHost("alpha", HostState.ONLINE);
    await asWanted(before.map(({ instance }) => instance));
    expect((await cluster.containers()).filter(({ running }) => running)).toEqual(before);
  });
});

test("containers of others are never touched, whatever their names and labels are", async () => {
  const name = `foreign-${cluster.id}`;
  const label = ["--label", "ozwald.cluster=somebodyelse", "--label", "ozwald.replica=abc"];
  const foreign = await machineDocker("run", "-d", "--name", name, ...label, busyboxImage, "sleep", "600");
  try {
    const { settings, names } = nextRound();
    await cluster.mustApply(settings);
    await agent.kill9();
    await agent.start();
    await asWanted(names);
    await cluster.mustApply(busyboxSettings({ name: "steady" }));
    expect(await machineDocker("inspect", "-f", "{{.State.Running}} {{.RestartCount}}", foreign)).toBe("true 0");
  } finally {
    await machineDocker("rm", "-f", foreign);
  }
});
