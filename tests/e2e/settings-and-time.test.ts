// What the settings say about time: waiting for others, becoming ready, ending, starting again. `ozctl apply` on a real engine.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { type BusyboxService, busyboxSettings, stays } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { machineDocker } from "../support/cluster-containers.ts";
import { execWithInput, inspectInstance, sayInside } from "../support/settings-cluster.ts";

let cluster: Cluster;

const quick = { backoff_min: "100ms", backoff_max: "100ms" };
const fileExists = (path: string) => ["test", "-f", path];
const probed = (name: string, probe: object, script = stays()): BusyboxService => ({
  name,
  script,
  more: { probes: [{ ...probe, interval: "100ms", failure_threshold: 2 }] },
});
const ends = (name: string, exitCode: number, restart: object | string): BusyboxService => ({
  name,
  script: `echo says ${name}; exit ${exitCode}`,
  more: { restart },
});

const waiting: BusyboxService[] = [
  probed("early", { exec: { command: fileExists("/tmp/ready") } }),
  { name: "late", more: { depends_on: ["early"] } },
];
const checks: BusyboxService[] = [
  {
    name: "checked",
    more: { healthcheck: { test: "test -f /tmp/ready", interval: "1s", timeout: "1s", retries: 1 } },
  },
  probed("by-http", { http: { port: 8000, path: "/ready" } }, stays("httpd -p 8000 -h /tmp")),
  probed(
    "by-tcp",
    { tcp: { port: 9000 } },
    stays("while :; do test -f /tmp/ready && nc -l -p 9000; sleep 0.05; done & :"),
  ),
  probed("by-exec", { exec: { command: fileExists("/tmp/ready") } }),
];
const endings: BusyboxService[] = [
  ends("never-well", 0, "never"),
  ends("never-ill", 1, "never"),
  ends("failure-well", 0, { condition: "on-failure" }),
  ends("failure-ill", 3, { condition: "on-failure", max_starts_without_ready: 2, ...quick }),
  ends("always-well", 0, { condition: "always", max_starts_without_ready: 3, ...quick }),
];
const talker: BusyboxService = {
  name: "talker",
  replicas: 2,
  script: stays("echo life $(cat /proc/sys/kernel/random/uuid)"),
  more: { ports: [8000], restart: { ...quick } },
};

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.addHost();
  const text = busyboxSettings(...waiting, ...checks, ...endings, talker);
  const { code, stderr } = await cluster.apply(text, "--detach");
  expect(code, stderr).toBe(0);
});

afterAll(() => cluster?.dispose());

describe("waiting for another", () => {
  test("it waits with a reason, without a container, and starts when the other is ready", async () => {
    const late = await cluster.waitFor("late says why", async () => {
      const replica = await cluster.replica("late");
      return replica?.reason === "" ? undefined : replica;
    });
    expect(late).toMatchObject({ state: ReplicaState.STARTING, reason: "waits for early" });
    expect((await cluster.ozctl("ps")).stdout).toContain("late: waits for early.  ozctl why late");
    expect((await cluster.containers()).map(({ instance }) => instance)).not.toContain("late");
    await sayInside(cluster, "early", "touch /tmp/ready");
    await cluster.untilReady("late");
    expect((await cluster.replica("early"))?.state).toBe(ReplicaState.READY);
    const [first, second] = [await cluster.container("early"), await cluster.container("late")];
    expect(Date.parse(second.startedAt)).toBeGreaterThan(Date.parse(first.startedAt));
  });
});

describe("becoming ready", () => {
  test("a health check that the engine runs: starting, ready, unwell, ready", async () => {
    const { Config } = await inspectInstance(cluster, "checked");
    expect(Config["Healthcheck"]).toMatchObject({
      Test: ["CMD-SHELL", "test -f /tmp/ready"],
      Interval: 1e9,
      Timeout: 1e9,
      Retries: 1,
    });
    await goesThrough("checked", /health check/);
  });

  test("probes by HTTP, TCP and command: starting, ready, unwell, ready", async () => {
    await Promise.all([
      goesThrough("by-http", /GET :8000\/ready answered 404/),
      goesThrough("by-tcp", /connection to :9000/),
      goesThrough("by-exec", /test -f \/tmp\/ready: exit code 1/),
    ]);
  });

  /** The same container all along. */
  async function goesThrough(name: string, reason: RegExp): Promise<void> {
    await cluster.waitFor(`${name} tells what fails`, async () =>
      reason.test((await cluster.replica(name))?.reason ?? ""),
    );
    expect((await cluster.replica(name))?.state).toBe(ReplicaState.STARTING);
    const { pid } = await cluster.container(name);
    await sayInside(cluster, name, "touch /tmp/ready");
    await cluster.untilReady(name);
    await sayInside(cluster, name, "rm /tmp/ready");
    expect((await cluster.untilState(name, ReplicaState.UNWELL)).reason).toMatch(
      /health check|answered|:9000|exit code/,
    );
    await sayInside(cluster, name, "touch /tmp/ready");
    await cluster.untilReady(name);
    expect((await cluster.container(name)).pid).toBe(pid);
  }
});

describe("ending", () => {
  test.each([
    ["never-well", ReplicaState.STOPPED, 1, /exit code 0, as its restart policy allows/],
    ["never-ill", ReplicaState.FAILED, 1, /exit code 1, and its restart policy is never/],
    ["failure-well", ReplicaState.STOPPED, 1, /exit code 0, as its restart policy allows/],
    ["failure-ill", ReplicaState.FAILED, 2, /exit code 3, after 2 starts/],
    ["always-well", ReplicaState.FAILED, 3, /exit code 0, after 3 starts/],
  ] as const)("%s ends as its restart policy says", async (name, state, starts, reason) => {
    const replica = await cluster.untilState(name, state);
    expect(replica.observed).toMatchObject({ starts, attempt: starts, logTail: [`says ${name}`] });
    expect(replica.reason).toMatch(reason);
  });

  test("the last words of one that failed are what --previous shows, as the hint says", async () => {
    for (const flags of [[], ["--previous"]])
      expect((await cluster.ozctl("logs", ...flags, "never-ill")).stdout).toBe("says never-ill\n");
  });

  test("what is over stays over while everything else goes on", async () => {
    const before = (await cluster.containers()).filter(({ instance }) => instance.startsWith("never-"));
    expect(before.map(({ running }) => running)).toEqual([false, false]);
    await machineDocker("kill", (await cluster.container("early")).id);
    await cluster.waitFor("early is made again", async () => (await cluster.replica("early"))?.observed?.attempt === 2);
    const after = (await cluster.containers()).filter(({ instance }) => instance.startsWith("never-"));
    expect(after).toEqual(before);
  });
});

describe("two replicas", () => {
  test("each has its slot, its name and its port", async () => {
    await cluster.untilReady("talker");
    await cluster.waitFor(
      "both are ready",
      async () => (await cluster.replica("talker", 1))?.state === ReplicaState.READY,
    );
    const { stdout } = await cluster.ozctl("ps");
    const ports = [...stdout.matchAll(/^talker#([01]) .* ready .*:(11\d{3})$/gm)];
    expect(ports.map(([, slot]) => slot)).toEqual(["0", "1"]);
    expect(new Set(ports.map(([, , port]) => port)).size).toBe(2);
    for (const slot of [0, 1])
      expect(await cluster.ozctl("exec", `talker#${slot}`, "--", "hostname")).toMatchObject({
        code: 0,
        stdout: `talker-${slot}\n`,
      });
    // One name, both replicas.
    const found = await sayInside(cluster, "late", "nslookup talker | grep -c '^Address: '");
    expect(found).toBe("2");
  });

  test("logs are those of the present attempt, and of the one before with --previous", async () => {
    const life = async (...flags: string[]) => (await cluster.ozctl("logs", "talker#1", ...flags)).stdout;
    const first = await life();
    expect(first).toMatch(/^life [0-9a-f-]{36}\n/);
    const before = (await cluster.replica("talker", 1))?.observed?.attempt;
    const container = (await cluster.containers()).find((each) => each.name.includes("-talker-1-") && each.running);
    await machineDocker("kill", container?.id ?? "");
    await cluster.waitFor("it lives again", async () => {
      const replica = await cluster.replica("talker", 1);
      return replica?.state === ReplicaState.READY && replica.observed?.attempt !== before;
    });
    const second = await life();
    expect(second).toMatch(/^life [0-9a-f-]{36}\n/);
    expect(second).not.toBe(first);
    expect(await life("--previous")).toBe(first);
    const both = (await cluster.ozctl("logs", "talker")).stdout;
    expect(both).toMatch(/^0.*life /m);
    expect(both).toMatch(/^1.*life /m);
  });

  test("exec hands over input, output and the exit code", async () => {
    const script = "wc -c; echo to-stderr >&2; exit 7";
    const input = "x".repeat(300_000);
    const result = await execWithInput(cluster, input, "talker", "--", "sh", "-c", script);
    expect(result).toMatchObject({ code: 7, stdout: "300000\n", stderr: "to-stderr\n" });
    const missing = await cluster.ozctl("exec", "talker", "--", "no-such-program");
    expect(missing.code).not.toBe(0);
    expect(missing.stdout + missing.stderr).toMatch(/no-such-program/);
  });

  test("one less: the other keeps its process", async () => {
    const [kept] = (await cluster.containers()).filter((each) => each.running && each.name.includes("-talker-0-"));
    const { replicas: _, ...single } = talker;
    await cluster.mustApply(busyboxSettings(...waiting.map(withoutProbes), single));
    const left = (await cluster.containers()).filter((each) => each.instance === "talker" && each.running);
    expect(left).toEqual([kept]);
  });

  function withoutProbes({ name }: BusyboxService): BusyboxService {
    return { name };
  }
});

describe("secrets", () => {
  test("values that look secret are inside, and nowhere else", async () => {
    const secret = "canary-7c3e91";
    const script = `echo "refused: $API_TOKEN" >&2; exit 4`;
    const more = { environment: { API_TOKEN: secret }, restart: { max_starts_without_ready: 1 } };
    const text = busyboxSettings(
      { name: "open", more: { environment: { API_TOKEN: secret, SHOWN: "plain-value" } } },
      { name: "shut", script, more },
    );
    const file = await cluster.settings(text);
    const said = [await cluster.ozctl("plan", "-f", file), await cluster.ozctl("plan", "-f", file, "-o", "json")];
    said.push(await cluster.apply(text));
    expect(said.at(-1)).toMatchObject({ code: 1 });
    expect(await sayInside(cluster, "open", "echo $API_TOKEN")).toBe(secret);
    for (const words of ["show open", "show shut", "services", "ps", "events", "why shut", "ops"])
      said.push(await cluster.ozctl(...words.split(" "), "-o", "json"));
    const logs = await cluster.ozctl("logs", "shut");
    expect(logs.stderr).toBe("refused: •••\n");
    said.push(logs);
    const all = said.map(({ stdout, stderr }) => stdout + stderr).join("\n");
    expect(all).not.toContain(secret);
    expect(all).toContain("plain-value");
    expect(all).toMatch(/refused: •••/);
  });
});
