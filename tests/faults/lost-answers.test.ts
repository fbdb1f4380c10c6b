// The connection breaks after the control plane has taken a change and before ozctl has its answer: it is carried out once, and ozctl knows.
import { mkdir, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { labels } from "../../agent/apply/engine.ts";
import { testedProgram } from "../support/built-programs.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";

/** Answers that are swallowed for each call of a method, before one passes. */
const swallowed = 2;

let cluster: Cluster;
let proxy: net.Server;
let folder: string;
let began: number;
/** Calls of each method that came by, also those whose answer was swallowed. */
const asked = new Map<string, number>();
let away = false;

beforeAll(async () => {
  began = Math.floor(Date.now() / 1000);
  cluster = await startCluster();
  await cluster.addHost();
  folder = join(cluster.folder, "lossy");
  const path = join(folder, "control.sock");
  await mkdir(join(folder, "contexts"), { recursive: true });
  await writeFile(join(folder, "contexts/lossy.json"), JSON.stringify({ name: "lossy", address: `unix:${path}` }));
  proxy = net.createServer((near) => {
    const far = net.connect(cluster.env["OZWALD_SOCKET"]!);
    let lost = false;
    near.on("data", (bytes) => {
      const method = /^POST \/ozwald\.v1\.\w+\/((?:Up|Down|Restart)Instance|ApplySettings) /.exec(
        bytes.toString(),
      )?.[1];
      if (method !== undefined) {
        asked.set(method, (asked.get(method) ?? 0) + 1);
        lost = away || asked.get(method)! <= swallowed;
      }
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      if (!lost) near.write(bytes);
      else near.destroy();
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on("error", () => undefined).on("close", () => other.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(path, resolve));
  await writeFile(join(cluster.folder, "ozwald.yml"), busyboxSettings({ name: "one" }));
});

afterAll(async () => {
  proxy?.close();
  await cluster?.dispose();
});

function lossy(...args: string[]): Promise<CommandResult> {
  const env = { ...cluster.env, OZWALD_CONTEXT: "lossy", OZWALD_CONFIG_DIR: folder };
  return runCommand([...testedProgram("ozctl"), ...args], { env, cwd: cluster.folder, timeoutMs: 90_000 });
}

/** How often the engine has started a container of the cluster so far. */
async function starts(): Promise<number> {
  const filters = ["--filter", "event=start", "--filter", `label=${labels.cluster}=${cluster.id}`];
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const argv = ["docker", "events", "--since", String(began), "--until", until, ...filters, "--format", "{{.ID}}"];
  return (await runCommand(argv, { timeoutMs: 30_000 })).stdout.trim().split("\n").filter(Boolean).length;
}

test.each([
  ["ApplySettings", ["apply", "--yes"], 1],
  ["RestartInstance", ["restart", "one"], 2],
  ["DownInstance", ["down", "one"], 2],
  ["UpInstance", ["up", "one"], 3],
] as const)("%s is asked again and carried out once", async (method, words, startsSoFar) => {
  const { code, stdout, stderr } = await lossy(...words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "The connection broke before the answer came; asking again.\n" });
  expect(stdout).toMatch(/one/);
  expect(asked.get(method)).toBe(swallowed + 1);
  expect(await starts()).toBe(startsSoFar);
});

test("one that never answers: what is not known is said, with where to look", async () => {
  away = true;
  const { code, stderr } = await lossy("restart", "one");
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^The connection broke[^]*the connection was cut[^]*Whether the change was begun is not known\.[^]*ozctl ops/,
  );
  away = false;
  await cluster.waitFor("the restart that nobody heard of", async () => (await starts()) === 4, 30_000);
  await cluster.untilReady("one");
  expect(await starts()).toBe(4);
}, 120_000);

test("a control plane that is not there is told at once", async () => {
  await writeFile(
    join(folder, "contexts/gone.json"),
    JSON.stringify({ name: "gone", address: `unix:${folder}/gone.sock` }),
  );
  const before = performance.now();
  const env = { ...cluster.env, OZWALD_CONTEXT: "gone", OZWALD_CONFIG_DIR: folder };
  const { code, stderr } = await runCommand([...testedProgram("ozctl"), "restart", "one"], { env });
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^No control plane at unix:[^]*no such socket/)]);
  expect(performance.now() - before).toBeLessThan(5_000);
});
