// The connection between agent and control plane is reset again and again while commands are on their way: each is carried out exactly once.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { labels } from "../../agent/apply/engine.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { report } from "../support/report-time.ts";
import { testedProgram } from "../support/built-programs.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";

const names = ["one", "two", "three"];
const rounds = 12;

let cluster: Cluster;
let began: number;

beforeAll(async () => {
  began = Math.floor(Date.now() / 1000);
  cluster = await startCluster();
  await cluster.addHost();
  await cluster.mustApply(busyboxSettings(...names.map((name) => ({ name }))));
});

afterAll(() => cluster?.dispose());

/** ozctl through the local socket, which nobody cuts. */
function local(...args: string[]): Promise<CommandResult> {
  const env = { ...cluster.env, OZWALD_CONTEXT: "", OZWALD_CONFIG_DIR: join(cluster.folder, "no-contexts") };
  return runCommand([...testedProgram("ozctl"), ...args], { env, timeoutMs: 60_000 });
}

/** Resets every connection to the control plane's port, a hundred times a second at most, until told to stop. */
function cutter(): { stop(): Promise<number> } {
  let [on, cuts] = [true, 0];
  const work = (async () => {
    while (on) {
      const { stdout } = await runCommand(["ss", "-KHtn", "state", "established", `dport = :${cluster.port}`]);
      cuts += stdout.trim() === "" ? 0 : 1;
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 400));
    }
  })();
  return {
    async stop() {
      on = false;
      await work;
      return cuts;
    },
  };
}

test("every replica of every generation is started once, however often the line breaks", async () => {
  const cut = cutter();
  const started = Date.now();
  for (let round = 0; round < rounds; round++) {
    const done = await Promise.all(names.map((name) => local("restart", name, "--detach")));
    expect(done.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(names.map(() => "0 "));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
  }
  const cuts = await cut.stop();
  report(`${rounds * names.length} restarts while the line broke ${cuts} times`, Date.now() - started);
  const over = Date.now();
  expect(cuts).toBeGreaterThan(0);

  // One more of each, waited for: whatever was on its way is over then. A reset that hits a write is seen by the keepalive only, after 15 s.
  const last = await Promise.all(names.map((name) => local("restart", name)));
  expect(last.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(names.map(() => "0 "));
  report("the line holds to all ready", Date.now() - over);
  const replicas = await Promise.all(names.map((name) => cluster.untilReady(name)));
  const containers = await Promise.all(names.map((name) => cluster.container(name)));
  expect(replicas.map(({ id }) => id)).toEqual(containers.map(({ replicaId }) => replicaId));

  // What the engine itself says of the whole time.
  const format = `{{index .Actor.Attributes "${labels.replica}"}} {{index .Actor.Attributes "${labels.generation}"}}`;
  const filters = ["--filter", "event=start", "--filter", `label=${labels.cluster}=${cluster.id}`];
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const argv = ["docker", "events", "--since", String(began), "--until", until, ...filters, "--format", format];
  const starts = (await runCommand(argv, { timeoutMs: 30_000 })).stdout.trim().split("\n");
  expect(starts.length).toBeGreaterThan(names.length);
  expect(starts.toSorted()).toEqual([...new Set(starts)].toSorted());
});
