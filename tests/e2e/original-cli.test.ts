// Runs the CLI examples of the original README word for word, in order, with the built programs on PATH: in a network of its own, so that
// ports 8000 and 6379 are surely free.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { randomInt } from "node:crypto";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureBusyboxImage } from "../support/busybox-image.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import {
  clusterContainers,
  machineDocker,
  removeClusterThings,
  type SeenContainer,
} from "../support/cluster-containers.ts";
import { markdownBlocks } from "../support/markdown-blocks.ts";
import { programArgv } from "../support/programs.ts";
import { type CommandResult, mustRun, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";

const readme = await readFile(resolve(import.meta.dirname, "../fixtures/original-readme.md"), "utf8");
const usage = readme.slice(readme.indexOf("\nCLI usage\n"), readme.indexOf("\nProvisioner API\n"));
const blocks = markdownBlocks(usage);
const examples = (blocks.find((block) => block.text.startsWith("ozwald start_provisioner"))?.text ?? "")
  .trim()
  .split("\n");
const actions = [...(blocks[0]?.text ?? "").matchAll(/^ {2}([a-z]+_[a-z_]+|status) /gm)].map((match) => match[1]);
const systemKey = /^export OZWALD_SYSTEM_KEY="(.+)"$/m.exec(readme)?.[1] ?? "";

const network = `ozoc${randomInt(0x10000).toString(16)}`;
const cleanup = new AsyncDisposableStack();
let folder: string;
let clusterId = "";
/** What the CLI must leave alone. */
let containers: SeenContainer[] = [];

/** One line of the README in a shell, unchanged. */
function type(line: string, env: Record<string, string> = {}): Promise<CommandResult> {
  const bin = resolve(programArgv("ozctl")[0] ?? "", "..");
  return runCommand(["ip", "netns", "exec", network, "bash", "-c", line], {
    env: {
      PATH: `${bin}${delimiter}${process.env["PATH"]}`,
      HOME: folder,
      OZWALD_CONFIG_DIR: join(folder, "config"),
      OZWALD_PROVISIONER_DIR: join(folder, "state"),
      OZWALD_SYSTEM_KEY: systemKey,
      ...env,
    },
    timeoutMs: 90_000,
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "original-cli-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  await mustRun(["ip", "netns", "add", network]);
  cleanup.defer(async () => void (await runCommand(["ip", "netns", "del", network])));
  await mustRun(["ip", "-n", network, "link", "set", "lo", "up"]);
  cleanup.defer(async () => void (await type("ozwald stop_provisioner")));
  cleanup.defer(async () => {
    if (clusterId !== "") await removeClusterThings(clusterId);
  });
});

afterAll(async () => {
  await cleanup.disposeAsync();
});

type Doctor = { checks: { check: string; result: string }[] };

function only(prefix: string): string {
  const found = examples.filter((line) => line.startsWith(`ozwald ${prefix}`));
  expect(found, prefix).toHaveLength(1);
  return found[0]!;
}

describe("the CLI of the original README", () => {
  test("has six examples, and every action of its usage is one of ours", async () => {
    expect(examples).toHaveLength(6);
    const { code, stdout } = await type("ozwald --help");
    expect(code).toBe(0);
    expect(actions).toHaveLength(6);
    for (const action of actions) expect(stdout).toContain(action);
  });

  test("before anything runs, status is 1", async () => {
    const { code, stderr } = await type(only("status"));
    expect({ code, told: stderr.includes("ozwald start_provisioner") }).toEqual({ code: 1, told: true });
  });

  test("every example works, in the order in which it is written", async () => {
    const results: CommandResult[] = [];
    for (const line of examples.slice(0, -1)) {
      const result = await type(line);
      expect({ line, code: result.code, stderr: result.stderr }).toMatchObject({
        ...{ line, code: 0, stderr: expect.stringContaining("The same with ozctl:  ") },
      });
      results.push(result);
    }
    const [start, status, configured, active, resources] = results;
    expect(start?.stderr).toContain("no Redis is needed");
    expect(start?.stdout).toContain("http://127.0.0.1:8000  started");
    expect(status?.stdout).toContain("healthy");
    expect(configured?.stdout).toBe("No service is configured.  ozctl apply -f ozwald.yml\n");
    expect(active?.stdout).toBe("No service is active.\n");
    expect(resources?.stdout).toMatch(/^RAM {3}[\d.]+ of [\d.]+ GB available$/m);
  });

  test("nothing listens where Redis did", async () => {
    expect((await type("exec 3<>/dev/tcp/127.0.0.1/8000")).code).toBe(0);
    expect((await type("exec 3<>/dev/tcp/127.0.0.1/6379")).code).not.toBe(0);
  });

  test("show_host_resources has the same numbers with and without the API", async () => {
    const both = async () =>
      Promise.all([type("ozwald show_host_resources --use-api"), type("ozwald show_host_resources")]);
    let [viaApi, direct] = await both();
    // A sample may have come in between the two.
    if (viaApi.stdout !== direct.stdout) [viaApi, direct] = await both();
    expect(direct.stderr).toBe("The same with ozctl:  ozctl hosts\n");
    expect(direct.stdout).toBe(viaApi.stdout);
  });

  test("what was applied with ozctl is listed, as configured and as active", async () => {
    await ensureBusyboxImage();
    await writeFile(join(folder, "ozwald.yml"), busyboxSettings({ name: "echo" }));
    expect(await type(`ozctl apply --yes --project shop -f ${folder}/ozwald.yml`)).toMatchObject({ code: 0 });
    expect((await type(only("list_configured_services"))).stdout).toMatch(/^echo +container/m);
    await waitUntil(
      "it is available",
      async () => / available /.test((await type(only("list_active_services"))).stdout),
      30_000,
      300,
    );
    expect((await type(only("status"))).stdout).toContain("1 active, 1 available");
    const status = await type("ozctl status -o json");
    clusterId = (JSON.parse(status.stdout) as { clusterId: string }).clusterId;
    containers = await clusterContainers(machineDocker, clusterId);
    expect(containers.map(({ instance, running }) => [instance, running])).toEqual([["echo", true]]);
  });

  test("ozctl doctor finds the way to it well, its certificate and this host too", async () => {
    const { stdout } = await type("ozctl doctor -o json");
    const wrong = (JSON.parse(stdout) as Doctor).checks.filter(
      ({ result }) => result === "problem" || result === "unknown",
    );
    // How full the disk and the memory of the machine under test are is not what is tested here.
    expect(wrong.filter(({ check }) => !["disk-free", "memory"].includes(check))).toEqual([]);
  });

  test("--no-restart leaves it alone; without it both programs are new and state is kept", async () => {
    const pids = async () => (await mustRun(["ip", "netns", "pids", network])).split("\n").toSorted();
    const before = await pids();
    expect(before).toHaveLength(2);
    expect((await type("ozwald start_provisioner --no-restart")).stdout).toContain("runs already");
    expect(await pids()).toEqual(before);
    const again = await type("ozwald start_provisioner");
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("restarted") });
    const after = await pids();
    expect(after).toHaveLength(2);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    expect((await type(only("list_configured_services"))).stdout).toMatch(/^echo /m);
  });

  test("another port that is taken is refused before what runs is ended", async () => {
    const pids = async () => (await mustRun(["ip", "netns", "pids", network])).split("\n").toSorted();
    const before = await pids();
    const held = "python3 -m http.server 8001 --bind 127.0.0.1 >/dev/null 2>&1 &";
    const isHeld = "until (exec 3<>/dev/tcp/127.0.0.1/8001) 2>/dev/null; do sleep 0.1; done";
    const start = "ozwald start_provisioner --api-port 8001; code=$?; kill $!; wait $! 2>/dev/null; exit $code";
    const { code, stderr } = await type(`${held} ${isHeld}; ${start}`);
    expect({ code, told: stderr.includes("Port 8001 is taken by another program.") }).toEqual({ code: 1, told: true });
    expect(await pids()).toEqual(before);
    expect((await type(only("status"))).code).toBe(0);
  });

  test("a wrong key is refused", async () => {
    const { code, stderr } = await type(only("list_active_services"), { OZWALD_SYSTEM_KEY: "wrong" });
    expect({ code, told: stderr.includes("does not accept the key") }).toEqual({ code: 1, told: true });
  });

  test("the last example stops what the first one started, twice too", async () => {
    expect(await type(only("stop_provisioner"))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^provisioner  stopped\nservices     1 replica left running/),
    });
    expect(await mustRun(["ip", "netns", "pids", network])).toBe("");
    expect(await type(only("stop_provisioner"))).toMatchObject({
      ...{ code: 0, stdout: "No provisioner that ozwald started runs here.\n" },
    });
    expect((await type(only("status"))).code).toBe(1);
    expect(await clusterContainers(machineDocker, clusterId)).toEqual(containers);
    const doctor = await type("ozctl doctor -o json");
    expect(doctor.code).toBe(1);
    const { checks } = JSON.parse(doctor.stdout) as Doctor;
    expect(checks.filter(({ result }) => result === "problem").map(({ check }) => check)).toEqual(["connection"]);
  });

  test("the next start finds again what kept running, and ozctl down ends it", async () => {
    expect(await type(examples[0]!)).toMatchObject({ code: 0, stdout: expect.stringContaining("is there") });
    await waitUntil(
      "it is listed again",
      async () => / available /.test((await type(only("list_active_services"))).stdout),
      30_000,
      300,
    );
    expect(await clusterContainers(machineDocker, clusterId)).toEqual(containers);
    expect(await type("ozctl down echo")).toMatchObject({ code: 0 });
    expect((await type(only("list_active_services"))).stdout).toBe("No service is active.\n");
    expect(await type(only("stop_provisioner"))).toMatchObject({ code: 0, stdout: "provisioner  stopped\n" });
  });

  test("a machine that is a host of another control plane stays that one's", async () => {
    const state = join(folder, "other");
    await mkdir(join(state, "agent"), { recursive: true });
    const identity = { hostId: "h", name: "tower", clusterId: "another", address: "https://10.0.0.5:7443" };
    await writeFile(join(state, "agent", "identity.json"), JSON.stringify(identity));
    const env = { OZWALD_PROVISIONER_DIR: state, OZWALD_CONFIG_DIR: join(state, "config") };
    const { code, stderr } = await type(examples[0]!, env);
    expect({ code, told: stderr.includes("a host of another control plane, at https://10.0.0.5:7443") }).toEqual({
      ...{ code: 1, told: true },
    });
    expect(JSON.parse(await readFile(join(state, "agent", "identity.json"), "utf8"))).toEqual(identity);
    await type(only("stop_provisioner"), env);
    expect(await mustRun(["ip", "netns", "pids", network])).toBe("");
  });

  test("`ozwald` picks the other programs by their names", async () => {
    for (const program of ["ozctl", "ozwald-agent", "ozwald-controlplane"])
      expect(await type(`ozwald ${program} version`)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/\d\.\d/),
      });
  });
});
