// Values of variables that look secret, or that are said to be, come out nowhere: not in what ozctl shows, not in the logs of our programs.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { machineDocker } from "../support/cluster-containers.ts";

const canaries = {
  API_KEY: "canary-one-5f2d",
  HF_TOKEN: "canary-two-88c1",
  DB_PASSWORD: "canary-three-04ab",
  INNOCENT: "canary-four-71ee",
};
const environment = { ...canaries, MAX_TOKENS: "4096", GREETING: "good-morning" };
const more = { environment, secret_keys: ["INNOCENT"] };

let cluster: Cluster;
let agent: ClusterAgent;

beforeAll(async () => {
  process.env["OZWALD_LOG_LEVEL"] = "debug";
  cluster = await startCluster();
  agent = await cluster.addHost();
});

afterAll(() => cluster?.dispose());

function leaks(text: string): string[] {
  return Object.entries(canaries).flatMap(([key, value]) => (text.includes(value) ? [key] : []));
}

test("a service with secrets: planned, applied, shown, changed, failed", async () => {
  const said: Record<string, string> = {};
  const say = async (...args: string[]) => {
    const { stdout, stderr } = await cluster.ozctl(...args);
    said[args.join(" ")] = stdout + stderr;
    return stdout;
  };
  const crashes = `echo "cannot log in with $API_KEY and $INNOCENT" >&2; exit 3`;
  const restart = { max_starts_without_ready: 2, backoff_min: "100ms", backoff_max: "100ms" };
  const settings = await cluster.settings(
    busyboxSettings({ name: "web", more }, { name: "crash", script: crashes, more: { ...more, restart } }),
  );
  await say("check", "-f", settings);
  await say("plan", "-f", settings);
  await say("plan", "-f", settings, "-o", "json");
  await say("apply", "--yes", "-f", settings);
  const other = {
    ...more,
    environment: { ...environment, API_KEY: `${canaries.API_KEY}-changed`, GREETING: "good-night" },
  };
  const changed = await cluster.settings(
    busyboxSettings({ name: "web", more: other }, { name: "crash", script: crashes, more: { ...more, restart } }),
  );
  expect(await say("plan", "-f", changed)).toContain("API_KEY");
  await say("plan", "-f", changed, "-o", "json");
  await say("apply", "--yes", "-f", changed, "-o", "json");
  for (const words of [
    "show web",
    "show crash",
    "services",
    "ps",
    "ops",
    "events",
    "why web",
    "why crash",
    "hosts",
    "status",
  ]) {
    await say(...words.split(" "));
    await say(...words.split(" "), "-o", "json");
  }
  await say("ps", "-o", "wide");
  expect(Object.fromEntries(Object.entries(said).map(([command, text]) => [command, leaks(text)]))).toEqual(
    Object.fromEntries(Object.keys(said).map((command) => [command, []])),
  );
  // The other half of the proof: they did reach the container, and what is not secret is shown.
  const { id } = await cluster.container("web");
  expect(leaks(await machineDocker("exec", id, "env"))).toEqual(Object.keys(canaries));
  expect(said["services -o json"]).toContain("good-night");
  expect(said["show crash"]).toContain("cannot log in with");
});

test("the programs' own logs, with everything they have to say", async () => {
  const text = cluster.control.output() + agent.output();
  expect(text).toContain('"msg":"ready"');
  expect(leaks(text)).toEqual([]);
});

test("files that have to hold them are their owner's alone", async () => {
  let held = 0;
  for (const folder of [agent.stateDir, cluster.stateDir]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      if (leaks(await readFile(path, "latin1")).length === 0) continue;
      held++;
      expect(`${path} ${((await stat(path)).mode & 0o777).toString(8)}`).toBe(`${path} 600`);
    }
  }
  // An agent starts what it runs again while the control plane is away, so it has to keep them.
  expect(held).toBeGreaterThanOrEqual(2);
});
