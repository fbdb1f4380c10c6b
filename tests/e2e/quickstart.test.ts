// ./scripts/quickstart as a person runs it: an answer, nothing changed by a second run, completion after a kill anywhere, and --down.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import Docker from "dockerode";
import { afterAll, describe, expect, test } from "vitest";
import { findProcesses } from "../../scripts/first-run/background-process.ts";
import { agentCommand, controlPlaneCommand } from "../../scripts/first-run/cluster.ts";
import { readMade } from "../../scripts/first-run/made.ts";
import { quickstartPlaces } from "../../scripts/first-run/places.ts";
import { report } from "../support/report-time.ts";
import { mustRun } from "../support/run-command.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ozwald-quickstart-"));
const env = {
  ...process.env,
  OZWALD_QUICKSTART_DIR: join(folder, "state"),
  OZWALD_CONFIG_DIR: join(folder, "config"),
};
const places = quickstartPlaces(env, true);
const docker = new Docker();

type Outcome = { code: number | null; output: string };

type Moment = { shown: RegExp; laterMs?: number };

/** Runs it; with `killAt`, kills it and its children when its output shows that, or a moment later. */
function quickstart(
  args: readonly string[] = [],
  killAt?: Moment,
  extra: NodeJS.ProcessEnv = {},
  cwd = root,
): Promise<Outcome> {
  return new Promise((done, reject) => {
    const child = spawn(join(root, "scripts/quickstart"), args, {
      cwd,
      env: { ...env, ...extra },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const end = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself in this moment.
      }
    };
    const timer = setTimeout(end, 170_000);
    let killer: NodeJS.Timeout | undefined;
    let output = "";
    const hear = (text: string): void => {
      output += text;
      if (killAt?.shown.test(output) && killer === undefined) killer = setTimeout(end, killAt.laterMs ?? 0);
    };
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      clearTimeout(killer);
      done({ code, output });
    });
  });
}

/** Everything that runs because of it. */
async function whatRuns(): Promise<{ controlPlanes: number[]; agents: number[]; containers: string[] }> {
  const cluster = readMade(places.made).cluster;
  const filters = { label: [`ozwald.cluster=${cluster}`] };
  const containers = cluster === undefined ? [] : await docker.listContainers({ all: true, filters });
  return {
    controlPlanes: findProcesses(controlPlaneCommand(places)),
    agents: findProcesses(agentCommand(places)),
    containers: containers.map(({ Id, State }) => `${Id} ${State}`),
  };
}

async function expectComplete({ code, output }: Outcome): Promise<void> {
  expect(output).toMatch(/model > .*Paris/);
  expect(code).toBe(0);
  const { controlPlanes, agents, containers } = await whatRuns();
  expect([controlPlanes.length, agents.length, containers.length]).toEqual([1, 1, 1]);
  expect(containers[0]).toMatch(/ running$/);
}

afterAll(async () => {
  await quickstart(["--down"]);
  rmSync(folder, { recursive: true, force: true });
});

describe("quickstart", () => {
  test("answers, changes nothing the second time, and --down removes all of it", async () => {
    const before = everythingElse();
    const began = performance.now();
    const first = await quickstart();
    report("quickstart", performance.now() - began);
    await expectComplete(first);
    for (const step of [1, 2, 3, 4, 5, 6]) expect(first.output).toContain(`[${step}/6] `);
    const figures = JSON.parse(readFileSync(places.report, "utf8")) as Record<string, number | string>;
    expect(figures["answer"]).toContain("Paris");
    expect(figures["firstAnswerSeconds"]).toBeLessThan(300);
    expect(figures["tokensPerSecond"]).toBeGreaterThan(0);

    const running = await whatRuns();
    await expectComplete(await quickstart());
    expect(await whatRuns()).toEqual(running);

    const cluster = readMade(places.made).cluster;
    const down = await quickstart(["--down"]);
    expect(down).toMatchObject({ code: 0, output: expect.stringContaining("Removed:") });
    const filters = { label: [`ozwald.cluster=${cluster}`] };
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
    expect(await docker.listNetworks({ filters })).toEqual([]);
    expect(existsSync(places.state)).toBe(false);
    expect(everythingElse()).toEqual(before);
    expect((await quickstart(["--down"])).output).toContain("Nothing to remove");
  });

  const moments: [string, Moment][] = [1, 2, 3, 4, 5, 6].map((step) => [
    `after step ${step}`,
    { shown: new RegExp(`\\[${step}/6\\]`) },
  ]);
  moments.push(["while the agent joins", { shown: /\[3\/6\]/, laterMs: 150 }]);
  moments.push(["while the image is built", { shown: /\[4\/6\]/, laterMs: 2000 }]);

  test.each(moments)("killed %s, the next run completes", async (_when, moment) => {
    const killed = await quickstart([], moment);
    expect(killed.code).toBeNull();
    await expectComplete(await quickstart());
    expect(await quickstart(["--down"])).toMatchObject({ code: 0 });
  });
});

describe("refusals", () => {
  test("--no-install says what is missing and does nothing", async () => {
    // A machine with Node and a shell, and no container engine.
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const words = ["bash", "dirname", "date", "mktemp", "sed", "node", "npm", "awk", "cmp", "id", "cat", "rm", "env"];
    for (const word of words) symlinkSync(await mustRun(["sh", "-c", `command -v ${word}`]), join(bin, word));
    const { code, output } = await quickstart(["--no-install"], undefined, { PATH: bin });
    expect(output).toMatch(/Missing:[^]*container engine[^]*Nothing was installed/);
    expect(code).toBe(1);
    expect(existsSync(places.state)).toBe(false);
  });

  test("an unknown option, and a model that is none", async () => {
    expect(await quickstart(["--modle", "x"])).toMatchObject({ code: 2 });
    const { code, output } = await quickstart(["--model", "/no/such.gguf"]);
    expect(output).toContain("/no/such.gguf: there is no such file");
    expect(code).toBe(2);
    expect(await whatRuns()).toEqual({ controlPlanes: [], agents: [], containers: [] });
  });

  test("a model is looked for where the person is, not where the script is", async () => {
    writeFileSync(join(folder, "text.gguf"), "<html>not found</html>");
    for (const words of [["--model", "./text.gguf"], ["--model=text.gguf"]])
      expect((await quickstart(words, undefined, {}, folder)).output).toContain("this is not a GGUF file");
    expect(await quickstart(["--model="])).toMatchObject({
      code: 2,
      output: "--model needs a path or an https URL.\n",
    });
  });
});

/** What --down must leave as it was. */
function everythingElse(): object {
  const list = (path: string): string[] => (existsSync(path) ? readdirSync(path).sort() : []);
  return {
    commands: list("/usr/local/bin"),
    config: list(env.OZWALD_CONFIG_DIR),
    models: list("/var/lib/ozwald/models"),
  };
}
