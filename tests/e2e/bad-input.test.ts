// What people get wrong, through ozctl and the programs as they are started: a clear error with what to try, and nothing half applied.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testedProgram } from "../support/built-programs.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { freePort } from "../support/control-plane.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";

let cluster: Cluster;
let folder: string;

beforeAll(async () => {
  cluster = await startCluster();
  folder = cluster.folder;
  await cluster.addHost();
  await cluster.mustApply(busyboxSettings({ name: "web" }));
});

afterAll(() => cluster?.dispose());

/** What is wanted and what runs, to see that it stays. */
async function everything(): Promise<unknown> {
  const { instances, unknown, revision } = await cluster.instances();
  const wanted = instances.map(({ name, service, replicas, units }) => ({
    name,
    service,
    replicas,
    ids: units.map(({ id }) => id),
  }));
  return { wanted, unknown, revision, containers: await cluster.containers() };
}

const base = `
services:
  - name: web
    image: ${busyboxImage}
    command: sleep 600
    varieties: { cpu-only: {} }
    profiles: { small: {} }
`;

const wrong: [name: string, settings: string, says: RegExp][] = [
  [
    "an unknown service",
    `${base}instances: [{ name: a, service: wbe }]`,
    /:8:\d+ +instances\[0\]\.service: .*"wbe".*Did you mean web\?/,
  ],
  [
    "an unknown variety",
    `${base}instances: [{ name: a, service: web, variety: cpu-onyl }]`,
    /:8:\d+ +instances\[0\]\.variety: .*cpu-onyl.*cpu-only/,
  ],
  [
    "an unknown profile",
    `${base}instances: [{ name: a, service: web, profile: smal }]`,
    /:8:\d+ +instances\[0\]\.profile: .*smal.*small/,
  ],
  [
    "an unknown key",
    `${base}instances: [{ name: a, service: web, replicsa: 2 }]`,
    /:8:\d+ +instances\[0\]\.replicsa: unknown key.*replicas/,
  ],
  [
    "a name twice",
    `${base}instances: [{ name: web }, { name: web }]`,
    /:8:\d+ +instances\[1\].*web.*(twice|already|again|line|duplicate)/i,
  ],
  [
    "a service twice",
    `${base}  - { name: web, image: x }\n`,
    /:8:\d+ +services\[1\].*web.*(twice|already|again|line|duplicate)/i,
  ],
  [
    "a wrong type",
    `${base}instances: [{ name: a, service: web, replicas: many }]`,
    /:8:\d+ +instances\[0\]\.replicas: /,
  ],
  ["a key twice", `${base}instances: [{ name: a, name: b, service: web }]`, /:8:\d+ /],
  ["no YAML", `${base}instances: [{ name: a`, /:\d+:\d+ /],
];

describe("settings", () => {
  test.each(wrong)(
    "with %s: every problem at its place, with check as with apply, and nothing changes",
    async (_name, settings, says) => {
      const before = await everything();
      const file = await cluster.settings(settings);
      for (const command of [["check"], ["plan"], ["apply", "--yes"]]) {
        const { code, stdout, stderr } = await cluster.ozctl(...command, "-f", file);
        expect(`${command.join(" ")}: ${stdout}${stderr}`).toMatch(says);
        expect(stdout + stderr).toMatch(/\d problems?, nothing (sent|changed)/);
        expect(code).toBe(2);
      }
      expect(await everything()).toEqual(before);
    },
  );

  test("with several problems: all at once", async () => {
    const { stderr, stdout } = await cluster.ozctl(
      "check",
      "-f",
      await cluster.settings(`${base}instances: [{ name: a, service: wbe }, { nmae: b }]\nservcies: []`),
    );
    expect((stdout + stderr).match(/:\d+:\d+ /g)?.length).toBeGreaterThanOrEqual(3);
  });

  test("that are not there", async () => {
    const { code, stderr } = await cluster.ozctl("apply", "--yes", "-f", join(folder, "none.yml"));
    expect([code, stderr]).toEqual([2, expect.stringContaining("none.yml")]);
  });

  test("of a host that never joined: it is said, with how to invite it, and the rest works", async () => {
    const text = busyboxSettings({ name: "web" }, { name: "far", host: "moon" });
    const { code, stdout, stderr } = await cluster.apply(text);
    expect(stdout).toMatch(/! far +no place.*no host moon/);
    expect([code, stderr]).toEqual([1, expect.stringContaining("ozctl why far")]);
    expect((await cluster.ozctl("why", "far")).stdout).toMatch(/no host moon[^]*ozctl host invite/);
    expect((await cluster.replica("web"))?.host).toBe("alpha");
    await cluster.mustApply(busyboxSettings({ name: "web" }));
  });
});

describe("commands", () => {
  const cases: [words: string[], code: number, says: RegExp][] = [
    [["up", "wbe"], 2, /wbe.*\n?.*web/],
    [["up", "web[cpu-onyl]"], 2, /cpu-onyl/],
    [["up", "web", "--profile", "small"], 2, /small/],
    [["up", "web", "--host", "moon"], 2, /moon.*\n?.*alpha/],
    [["down", "wbe"], 2, /wbe.*\n?.*web/],
    [["restart", "wbe"], 2, /wbe.*\n?.*web/],
    [["logs", "wbe"], 2, /wbe.*\n?.*web/],
    [["why", "wbe"], 2, /wbe.*\n?.*web/],
    [["host", "rm", "alhpa"], 2, /alhpa.*\n?.*alpha/],
    [["host", "invite", "--ttl", "forever"], 2, /forever.*\n?.*15m/],
    [["ops", "watch", "99999"], 2, /99999/],
    [["adopt", "alpha/nothing"], 2, /nothing/],
    [["pss"], 2, /pss.*ps/],
    [["ps", "--outptu", "json"], 2, /outptu.*\n?.*output/],
  ];
  test.each(cases)("ozctl %j", async (words, code, says) => {
    const before = await everything();
    const result = await cluster.ozctl(...words);
    expect(result.stderr).toMatch(says);
    expect(result.code).toBe(code);
    expect(await everything()).toEqual(before);
  });
});

describe("credentials and addresses", () => {
  test("a control plane that is not there", async () => {
    const at = await context("gone", { address: `https://127.0.0.1:${await freePort()}` });
    const { code, stderr } = await at("ps");
    expect(stderr).toMatch(
      /^No control plane at https:\/\/127\.0\.0\.1:\d+ \(connection refused.*What runs keeps running\.\n.*systemctl status/,
    );
    expect(code).toBe(1);
  });

  test("a wrong token", async () => {
    const at = await context("wrong", { token: "ozt_abcdefabcdef_0000000000000000000000000000000000000000000" });
    const { code, stderr } = await at("down", "web");
    expect(stderr).toMatch(/token/);
    expect(code).toBe(1);
  });

  test("a server that is not ours", async () => {
    const other = await startCluster();
    try {
      const at = await context("other", { address: `https://127.0.0.1:${other.port}` });
      const { code, stderr } = await at("ps");
      expect([code, stderr]).toEqual([1, expect.stringContaining("nothing was sent")]);
    } finally {
      await other.dispose();
    }
  });

  test("joining with a used, a wrong, a cut and somebody else's token", async () => {
    const invite = async () => cluster.ozctlJson<{ token: string; address: string }>("host", "invite");
    const { token, address } = await invite();
    const before = await cluster.hosts();
    const fresh = (await invite()).token;
    const forged = fresh.slice(0, -6) + (fresh.endsWith("aaaaaa") ? "bbbbbb" : "aaaaaa");
    for (const bad of [forged, fresh.slice(0, 12), "hello"]) {
      const { code, stderr } = await joinWith(address, bad, "bad");
      expect(stderr).toMatch(/token[^]*ozctl host invite/);
      expect([1, 2]).toContain(code);
    }
    expect((await cluster.hosts()).length).toBe(before.length);
    expect(await joinWith(address, token, "first")).toMatchObject({ code: 0 });
    const again = await joinWith(address, token, "second");
    expect(again.stderr).toMatch(/refused the token: .*used already[^]*ozctl host invite/);
    expect(again.code).toBe(1);
    const away = await joinWith(`https://127.0.0.1:${await freePort()}`, fresh, "third");
    expect(away.stderr).toMatch(/127\.0\.0\.1/);
    expect(away.code).toBe(1);
  });

  test("an agent that has not joined", async () => {
    const { code, stderr } = await runCommand([
      ...testedProgram("ozwald-agent"),
      "run",
      "--state",
      join(folder, "none"),
    ]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("ozctl host invite")]);
  });
});

describe("a second control plane", () => {
  const start = (...flags: string[]) =>
    runCommand(
      [...testedProgram("ozwald-controlplane"), "run", "--rest", "off", "--socket", join(folder, "2.sock"), ...flags],
      {
        env: { OZWALD_CONFIG_DIR: join(folder, "config-2") },
        timeoutMs: 20_000,
      },
    );

  test("on the same state: refused with the process that has it", async () => {
    const { code, stderr } = await start("--state", cluster.stateDir, "--listen", `127.0.0.1:${await freePort()}`);
    expect([code, stderr]).toEqual([1, expect.stringContaining(String(cluster.control.pid))]);
  });

  test("on the same port: refused with who listens there", async () => {
    const { code, stderr } = await start("--state", join(folder, "state-2"), "--listen", `127.0.0.1:${cluster.port}`);
    expect([code, stderr]).toEqual([1, expect.stringContaining(String(cluster.port))]);
    expect(stderr).toContain(String(cluster.control.pid));
  });

  test("with flags that nobody knows, or REST for everybody", async () => {
    expect(await start("--stat", "x")).toMatchObject({ code: 2, stderr: expect.stringContaining("state") });
    expect(await start("--rest", "0.0.0.0:8000")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("0.0.0.0"),
    });
  });
});

/** ozctl with a context that differs from the good one. */
async function context(
  name: string,
  different: Record<string, string>,
): Promise<(...args: string[]) => Promise<CommandResult>> {
  const good = await readContext();
  const configDir = join(folder, `config-${name}`);
  await mkdir(join(configDir, "contexts"), { recursive: true });
  await writeFile(join(configDir, "contexts/local.json"), JSON.stringify({ ...good, ...different }), { mode: 0o600 });
  const env = { ...cluster.env, OZWALD_CONFIG_DIR: configDir };
  return (...args) => runCommand([...testedProgram("ozctl"), ...args], { env });
}

async function readContext(): Promise<Record<string, string>> {
  return JSON.parse(
    await readFile(join(cluster.env["OZWALD_CONFIG_DIR"] ?? "", "contexts/local.json"), "utf8"),
  ) as Record<string, string>;
}

function joinWith(address: string, token: string, name: string): Promise<CommandResult> {
  const argv = [...testedProgram("ozwald-agent"), "join", address, "--token", token, "--name", name];
  return runCommand([...argv, "--state", join(folder, `join-${name}-${Math.random()}`)]);
}
