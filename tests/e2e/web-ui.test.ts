// examples/web-ui/README.md as it stands: both images are built here, the page and the model run in one group, and a question is answered.
import { mkdtempSync, readFileSync, rmSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureTinyLlmImage } from "../../scripts/images/tiny-llm-image.ts";
import { fetchModel } from "../../scripts/model/fetch-model.ts";
import { modelCacheFolder } from "../../scripts/model/model-cache.ts";
import { placeModel } from "../../scripts/model/place-model.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { freePort } from "../support/control-plane.ts";
import { markdownBlocks } from "../support/markdown-blocks.ts";
import { mustRun, runCommand } from "../support/run-command.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ozwald-web-ui-"));
let cluster: Cluster;
let port: number;
let wasThere = false;

beforeAll(async () => {
  wasThere = (await runCommand(["docker", "image", "inspect", "ozwald-web-ui:1"])).code === 0;
  await ensureTinyLlmImage();
  const blocks = markdownBlocks(readFileSync(join(root, "examples/web-ui/README.md"), "utf8"));
  const build = blocks.find(({ text }) => text.startsWith("docker build"))?.text ?? "exit 1";
  // The classic builder needs no plugin.
  await mustRun(["sh", "-ec", build], { cwd: root, env: { DOCKER_BUILDKIT: "0" }, timeoutMs: 120_000 });
  // The container reads it as another user.
  chmodSync(folder, 0o755);
  await placeModel(await fetchModel({ source: undefined, cache: modelCacheFolder(), mayInstall: false }), folder);
  cluster = await startCluster();
  await cluster.addHost();
  port = await freePort();
  const settings = readFileSync(join(root, "examples/web-ui/ozwald.yml"), "utf8");
  const moved = settings.replace("/var/lib/ozwald/models", folder).replace('"3000:3000"', `"${port}:3000"`);
  await cluster.mustApply(moved);
}, 300_000);

afterAll(async () => {
  await cluster?.dispose();
  if (!wasThere) await runCommand(["docker", "image", "rm", "ozwald-web-ui:1"]);
  rmSync(folder, { recursive: true, force: true });
});

const url = (path: string) => `http://127.0.0.1:${port}${path}`;
const ask = (body: unknown, signal: AbortSignal = AbortSignal.timeout(60_000)) =>
  fetch(url("/api/chat"), { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), signal });

test("the page comes as one piece that loads nothing from elsewhere", async () => {
  const page = await fetch(url("/"));
  expect(page.status).toBe(200);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  const html = await page.text();
  expect(html).toContain("<title>Chat</title>");
  expect(html).not.toMatch(/(src|href)=/);
});

test("a question is answered in pieces by the model, which nothing else reaches", async () => {
  const response = await ask({ messages: [{ role: "user", content: "What is the capital of France?" }] });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const text = await response.text();
  const pieces = [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? "") as Piece);
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toContain("Paris");
  const model = (await cluster.containers()).find(({ instance }) => instance === "tiny-llm");
  expect(await mustRun(["docker", "port", model?.id ?? ""])).toBe("");
});

test("who closes the page is no trouble; what is no question is refused", async () => {
  const leaving = new AbortController();
  const response = await ask({ messages: [{ role: "user", content: "Tell me a long story." }] }, leaving.signal);
  await response.body?.getReader().read();
  leaving.abort();
  expect((await ask("nonsense")).status).toBe(400);
  expect((await ask({ messages: [{ role: "user" }] })).status).toBe(400);
  expect((await fetch(url("/other"))).status).toBe(404);
  expect((await fetch(url("/health"))).status).toBe(200);
});

type Piece = { choices: { delta: { content?: string } }[] };
