// examples/onnx-embeddings as it is: its image and model are made here, it runs through the built programs, and its vectors are those of the
// library that the model was made with.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureOnnxEmbeddingsImage } from "../../scripts/images/onnx-embeddings-image.ts";
import { placeEmbeddingModel } from "../../scripts/model/embedding-model.ts";
import { modelCacheFolder } from "../../scripts/model/model-cache.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { freePort } from "../support/control-plane.ts";
import { pythonWith } from "../support/python-venv.ts";
import { report } from "../support/report-time.ts";
import { runCommand } from "../support/run-command.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ozwald-onnx-"));
/** Made by tests/fixtures/embeddings.py. */
const reference = JSON.parse(readFileSync(join(root, "tests/fixtures/embeddings.json"), "utf8")) as {
  rows: { text: string; tokens: number; vector: string }[];
};
let cluster: Cluster;
let port: number;

beforeAll(async () => {
  const image = await ensureOnnxEmbeddingsImage();
  report(
    "image onnx-embeddings:cpu",
    image.seconds * 1000,
    `${image.built ? "built" : "current"}, ${image.bytes >> 20} MiB`,
  );
  // The container reads it as another user.
  await chmod(folder, 0o755);
  await placeEmbeddingModel(folder, { cache: modelCacheFolder(), mayInstall: false });
  cluster = await startCluster();
  await cluster.addHost();
  port = await freePort();
  const settings = readFileSync(join(root, "examples/onnx-embeddings/ozwald.yml"), "utf8")
    .replace("/var/lib/ozwald/models", folder)
    .replace('"8010:8000"', `"${port}:8000"`)
    .replace("SERVED_MODEL_NAME: ", "MAX_WAITING: 1, MAX_BODY_BYTES: 100000, SERVED_MODEL_NAME: ");
  const began = performance.now();
  await cluster.mustApply(settings);
  report("applied and ready", performance.now() - began);
}, 180_000);

afterAll(async () => {
  await cluster?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

type Answer = {
  data: { index: number; embedding: number[] }[];
  usage: { prompt_tokens: number; total_tokens: number };
  error: { message: string; type: string; code: string | null };
};

const url = (path: string): string => `http://127.0.0.1:${port}${path}`;

async function post(body: unknown, signal: AbortSignal = AbortSignal.timeout(30_000)): Promise<[number, Answer]> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url("/v1/embeddings"), { method: "POST", body: text, signal });
  return [response.status, (await response.json()) as Answer];
}

async function embed(...input: string[]): Promise<number[][]> {
  const [status, { data }] = await post({ input });
  expect(status).toBe(200);
  return data.map(({ embedding }) => embedding);
}

const cosine = (a: readonly number[] = [], b: readonly number[] = []): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

async function metric(name: string, labels = ""): Promise<number> {
  const page = await (await fetch(url("/metrics"))).text();
  const line = page.split("\n").find((one) => one.startsWith(`${name}{`) && one.includes(labels));
  return Number(line?.split(" ").at(-1));
}

describe("vectors", () => {
  test("are those of the model's own library, one by one and all together, with its count of tokens", async () => {
    const texts = reference.rows.map(({ text }) => text);
    const expected = reference.rows.map(({ vector }) => {
      const bytes = Buffer.from(vector, "base64");
      return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
    });
    const together = await embed(...texts);
    for (const [i, { text, tokens }] of reference.rows.entries()) {
      const [, alone] = await post({ input: text });
      expect(alone.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
      for (const vector of [alone.data[0]?.embedding ?? [], together[i] ?? []]) {
        expect(vector.length).toBe(384);
        const away = Math.max(...vector.map((value, n) => Math.abs(value - (expected[i]?.[n] ?? NaN))));
        expect(away, text).toBeLessThan(1e-5);
      }
    }
  });

  test("of related sentences are near each other, of others far", async () => {
    const [cat, kitten, bank, money] = await embed(
      "The cat sleeps on the sofa.",
      "A kitten naps on the couch.",
      "The central bank raised interest rates.",
      "Monetary policy was tightened to fight inflation.",
    );
    const related = [cosine(cat, kitten), cosine(bank, money)];
    const others = [cosine(cat, bank), cosine(cat, money), cosine(kitten, bank), cosine(kitten, money)];
    expect(Math.min(...related) - Math.max(...others)).toBeGreaterThan(0.3);
  });

  test("shortened they have length 1 again; as base64 they are the same", async () => {
    const [, whole] = await post({ input: "hello" });
    const [, short] = await post({ input: ["hello"], dimensions: 64, encoding_format: "float" });
    const vector = short.data[0]?.embedding ?? [];
    expect(vector.length).toBe(64);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(cosine(vector, whole.data[0]?.embedding)).toBeCloseTo(
      Math.hypot(...(whole.data[0]?.embedding.slice(0, 64) ?? [])),
      4,
    );
    const [, coded] = await post({ input: "hello", encoding_format: "base64" });
    const bytes = Buffer.from(coded.data[0]?.embedding as unknown as string, "base64");
    expect(new Float32Array(bytes.buffer, bytes.byteOffset, 384)).toEqual(
      Float32Array.from(whole.data[0]?.embedding ?? []),
    );
  });
});

describe("OpenAI's Python client, as it is", () => {
  test("creates embeddings, and says what was wrong", async () => {
    const python = await pythonWith(join(import.meta.dirname, "requirements-openai.txt"));
    const script = join(cluster.folder, "embed.py");
    const lines = [
      "import sys",
      "from openai import BadRequestError, OpenAI",
      'client = OpenAI(base_url=sys.argv[1], api_key="none")',
      "model = client.models.list().data[0].id",
      'answer = client.embeddings.create(model=model, input=["one text", "another"])',
      "print(model, len(answer.data), len(answer.data[0].embedding), answer.usage.prompt_tokens)",
      "print(len(client.embeddings.create(model=model, input='one', dimensions=8, encoding_format='float').data[0].embedding))",
      "try:",
      "    client.embeddings.create(model=model, input='')",
      "except BadRequestError as error:",
      "    print(error.body['message'])",
    ];
    await writeFile(script, `${lines.join("\n")}\n`);
    const asked = await runCommand([python, script, url("/v1")], { timeoutMs: 60_000 });
    expect(asked).toMatchObject({
      code: 0,
      stdout: "all-minilm-l6-v2 2 384 7\n8\ninput: must not be empty\n",
    });
  });
});

describe("bad input", () => {
  test.each<[what: string, body: unknown, status: number, message: RegExp]>([
    ["not JSON", "{", 400, /not JSON/],
    ["no input", {}, 400, /^input: is missing/],
    ["no texts", { input: [] }, 400, /at least one/],
    ["a number", { input: ["a", 7] }, 400, /^input\[1\]: lists of tokens/],
    ["tokens of another model", { input: [[1, 2]] }, 400, /^input\[0\]: lists of tokens/],
    ["an object", { input: {} }, 400, /^input: must be text/],
    ["too many tokens", { input: ["short", "word ".repeat(300)] }, 400, /^input\[1\]: 302 tokens, .* at most 256/],
    ["too many texts", { input: Array.from({ length: 2049 }, () => "a") }, 400, /2049 texts, at most 2048/],
    ["dimensions it does not have", { input: "a", dimensions: 385 }, 400, /from 1 to 384/],
    ["another encoding", { input: "a", encoding_format: "hex" }, 400, /float or base64/],
    ["another model", { input: "a", model: "text-embedding-3-small" }, 404, /no model "text-embedding-3-small" here/],
    ["a body over the limit", { input: "x".repeat(5_000_000) }, 413, /limit of 100000 bytes/],
  ])("%s", async (_what, body, status, message) => {
    const [code, { error }] = await post(body);
    expect([code, error.type]).toEqual([status, "invalid_request_error"]);
    expect(error.message).toMatch(message);
  });

  test("a body over the limit that does not say how long it is", async () => {
    const pieces = Array.from({ length: 100 }, () => Buffer.alloc(50_000, "x"));
    const response = await fetch(url("/v1/embeddings"), {
      method: "POST",
      body: ReadableStream.from(pieces),
      duplex: "half",
    });
    expect(response.status).toBe(413);
  });

  test("unknown routes and wrong methods", async () => {
    expect((await fetch(url("/v1/chat/completions"))).status).toBe(404);
    expect((await fetch(url("/v1/embeddings"))).status).toBe(405);
  });
});

describe("many at once", () => {
  const long = { input: Array.from({ length: 300 }, (_, i) => `${i} ${"word ".repeat(40)}`) };

  test("one is worked on, one waits, the next is refused; who leaves frees the place", async () => {
    const leaving = new AbortController();
    const first = post(long, leaving.signal).catch(() => undefined);
    await cluster.waitFor("one is worked on", async () => (await metric("vllm:num_requests_running")) === 1);
    const second = post({ input: "waits" });
    await cluster.waitFor("one waits", async () => (await metric("vllm:num_requests_waiting")) === 1);
    const [status, { error }] = await post({ input: "too many" });
    expect([status, error.type]).toEqual([429, "rate_limit_error"]);
    leaving.abort();
    await first;
    expect((await second)[0]).toBe(200);
    expect(await metric("vllm:request_success_total", 'finished_reason="abort"')).toBe(1);
    await cluster.waitFor("nobody is left", async () => (await metric("vllm:num_requests_running")) === 0);
  });

  test("counts what it read", async () => {
    const before = await metric("vllm:prompt_tokens_total");
    await embed("hello", "hello");
    expect((await metric("vllm:prompt_tokens_total")) - before).toBe(6);
  });

  test("a restart waits for the answer that is on its way", async () => {
    const running = post({ input: long.input.slice(0, 60) });
    await cluster.waitFor("it is worked on", async () => (await metric("vllm:num_requests_running")) === 1);
    const restarted = cluster.ozctl("restart", "onnx-embeddings");
    expect((await running)[0]).toBe(200);
    expect(await restarted).toMatchObject({ code: 0 });
  });
});
