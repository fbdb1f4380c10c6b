// Runs the original README as it is written: its settings, every curl and its Python script, word for word against a real control plane and
// agent, in a network of their own: the README's port 8000 may be in use on the machine, by a quickstart for one.
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureBusyboxImage } from "../support/busybox-image.ts";
import { startControlPlane, type TestControlPlane } from "../support/control-plane.ts";
import { type MarkdownBlock, markdownBlocks } from "../support/markdown-blocks.ts";
import { pythonWith } from "../support/python-venv.ts";
import { mustRun, runCommand } from "../support/run-command.ts";
import { netnsMachines } from "../support/netns-hosts.ts";
import { ozctl, startAgent } from "../support/test-agent.ts";
import { waitUntil } from "../support/wait-until.ts";

const readme = await readFile(resolve(import.meta.dirname, "../fixtures/original-readme.md"), "utf8");
const blocks = markdownBlocks(readme);
const curlBlocks = blocks.filter((block) => /^curl\b/m.test(block.text));
const pythonBlocks = blocks.filter((block) => block.language === "python");
const settings = blocks.find((block) => block.language === "yaml" && block.text.includes("services:"));
const systemKey = /^export OZWALD_SYSTEM_KEY="(.+)"$/m.exec(readme)?.[1] ?? "";

/** What the README's image names stand for here: the later name of the original, `ozwald-<image>`, found locally. */
const image = "ozwald-openai-api-vllm.cpu-only:latest";

const executed = new Set<MarkdownBlock>();
const cleanup = new AsyncDisposableStack();
const isRoot = process.getuid?.() === 0;
let enter = (argv: readonly string[]): string[] => [...argv];
let controlPlane: TestControlPlane;

beforeAll(async () => {
  await mustRun(["docker", "build", "-q", "-t", image, "-"], {
    input: `FROM ${await ensureBusyboxImage()}\nLABEL ozwald.test=1\nCMD ["sh", "-c", "trap 'exit 0' TERM; echo serving $MODEL_NAME with $MAX_MODEL_LEN; while :; do sleep 1; done"]\n`,
    env: { DOCKER_BUILDKIT: "0" },
  });
  cleanup.defer(async () => void (await runCommand(["docker", "rmi", image])));
  if (isRoot) {
    const network = cleanup.adopt(await netnsMachines(1), (made) => made.dispose());
    enter = (argv) => network.hosts[0]!.enter(argv);
  }
  controlPlane = cleanup.use(await startControlPlane({ systemKey, restPort: 8000, ...(isRoot && { enter }) }));
  cleanup.use(await startAgent(controlPlane, "localhost"));
  const file = join(controlPlane.folder, "ozwald.yml");
  await writeFile(file, settings?.text ?? "");
  const applied = await ozctl(controlPlane, "apply", "-f", file, "--yes");
  expect(applied).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await cleanup.disposeAsync();
});

/** Runs a block in a shell, unchanged, and reads every JSON value it prints. */
async function runShell(block: MarkdownBlock): Promise<any[]> {
  const { code, stdout, stderr } = await runCommand(enter(["bash", "-euo", "pipefail", "-c", block.text]), {
    env: { OZWALD_SYSTEM_KEY: systemKey },
    timeoutMs: 30_000,
  });
  executed.add(block);
  expect({ line: block.line, code, stderr: code === 0 ? "" : stderr }).toEqual({
    line: block.line,
    code: 0,
    stderr: "",
  });
  return JSON.parse(await mustRun(["jq", "-s", "-c", "."], { input: stdout })) as any[];
}

async function active(): Promise<any[]> {
  return (await ask("/srv/services/active/")).json;
}

/** One request with the key; with a body it is a POST. */
async function ask(path: string, body?: string): Promise<{ status: number; json: any }> {
  const post = body === undefined ? [] : ["-X", "POST", "-d", body];
  const key = ["-H", `authorization: Bearer ${systemKey}`];
  const argv = ["curl", "-s", "-m", "5", "-w", "\n%{http_code}", ...key, ...post, `http://127.0.0.1:8000${path}`];
  const [text = "", status] = (await mustRun(enter(argv))).split(/\n(?=\d+$)/);
  return { status: Number(status), json: JSON.parse(text) };
}

function curlCount(block: MarkdownBlock | undefined): number {
  return [...(block?.text ?? "").matchAll(/^curl\b/gm)].length;
}

describe("the original README", () => {
  test("has what this test runs", () => {
    expect(curlBlocks.map(curlCount)).toEqual([2, 3]);
    expect(pythonBlocks).toHaveLength(1);
    expect(systemKey).toBe("your-long-random-token");
    expect(settings).toBeDefined();
  });

  test("its first curls show what is configured and what is active", async () => {
    const [configured, running] = await runShell(curlBlocks[0]!);
    expect(configured.map((service: any) => [service.service_name, service.type])).toEqual([
      ["fiction-sources", "source-files"],
      ["qwen1.5-vllm", "container"],
    ]);
    expect(Object.keys(configured[1].varieties)).toEqual(["nvidia", "amdgpu", "cpu-only"]);
    expect(running).toEqual([]);
  });

  test("its example requests show the host, and start a service without naming it twice", async () => {
    const [resources, before, accepted] = await runShell(curlBlocks[1]!);
    expect(resources).toMatchObject({
      host: "localhost",
      total_cpu_cores: expect.any(Number),
      total_ram_gb: expect.any(Number),
    });
    expect(before).toEqual([]);
    expect(accepted).toMatchObject({ status: "accepted", message: expect.any(String) });
    expect(await active()).toMatchObject([
      { name: "qwen1.5-vllm", service: "qwen1.5-vllm", variety: "cpu-only", profile: "no-gpu" },
    ]);
    const [ready] = await waitUntil(
      "it is available",
      async () => (await active()).filter((record) => record.status === "available").slice(0, 1).length > 0 && active(),
      60_000,
      200,
    );
    expect(ready).toMatchObject({
      host: "localhost",
      state: "ready",
      last_error: null,
      info: { container_status: "running" },
    });
    expect((await ask("/srv/services/logs/qwen1.5-vllm/?last=5")).json).toMatchObject({
      is_bottom_n: true,
      lines: ["serving deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B with 45000"],
    });
  });

  test("its Python script does the same, and saying it again changes nothing", async () => {
    const [{ info, since }] = await active();
    const python = await pythonWith(resolve(import.meta.dirname, "requirements.txt"));
    for (const block of pythonBlocks) {
      const result = await runCommand(enter([python, "-c", `${block.text}\nprint(len(cfg), r.status_code)\n`]), {
        env: { OZWALD_SYSTEM_KEY: systemKey },
      });
      executed.add(block);
      expect(result).toMatchObject({ code: 0, stdout: "2 202\n" });
    }
    expect(await active()).toMatchObject([{ info: { container_id: info.container_id }, since }]);
  });

  test("without its key nothing but /health answers", async () => {
    expect(await mustRun(enter(["curl", "-s", "http://127.0.0.1:8000/health"]))).toBe('{"status":"healthy"}');
    const { stdout } = await runCommand(enter(["bash", "-c", curlBlocks[0]!.text]), {
      env: { OZWALD_SYSTEM_KEY: "wrong" },
    });
    expect(stdout.match(/Invalid authentication credentials/g)).toHaveLength(2);
  });

  test("an unknown service, variety or profile is 400 with a suggestion and changes nothing", async () => {
    const before = await active();
    for (const [wish, near] of [
      [{ name: "qwen1.5-vlm" }, "qwen1.5-vllm"],
      [{ name: "qwen1.5-vllm", variety: "cpu-onyl" }, "cpu-only"],
      [{ name: "qwen1.5-vllm", profile: "fast-gup" }, "fast-gpu"],
    ] as const) {
      const { status, json } = await ask("/srv/services/active/update/", JSON.stringify([wish]));
      expect(status).toBe(400);
      expect(JSON.stringify(json)).toContain(`Did you mean ${near}?`);
    }
    expect((await active()).map((r) => r.info.container_id)).toEqual(before.map((r) => r.info.container_id));
  });

  test("an empty set stops it", async () => {
    expect((await ask("/srv/services/update/", "[]")).status).toBe(202);
    await waitUntil("nothing is active", async () => (await active()).length === 0, 30_000, 200);
  });

  test("every curl and Python block was run", () => {
    expect([...executed].toSorted((a, b) => a.line - b.line)).toEqual(
      [...curlBlocks, ...pythonBlocks].toSorted((a, b) => a.line - b.line),
    );
  });
});
