// The quickstart's model server, from its image, with the real model, under the engine and its hardened settings.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, pieces } from "../../scripts/first-run/ask.ts";
import { ensureTinyLlmImage } from "../../scripts/images/tiny-llm-image.ts";
import { fetchModel, type FoundModel } from "../../scripts/model/fetch-model.ts";
import { modelCacheFolder } from "../../scripts/model/model-cache.ts";
import { nonsenseModel } from "../../scripts/model/nonsense-model.ts";
import { type ModelServer, startModelServer } from "../support/model-server.ts";
import { report } from "../support/report-time.ts";
import { waitUntil } from "../support/wait-until.ts";

const question = { messages: [{ role: "user", content: "What is the capital of France?" }], temperature: 0 };
const story = { prompt: "Once upon a time", max_tokens: 400, temperature: 1, seed: 7, stop: [] };

type Completion = {
  choices: { message: { content: string }; text: string; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  error: { message: string; type: string; code: string };
};
const json = async (response: Promise<Response>): Promise<Completion> => (await (await response).json()) as Completion;

let model: FoundModel;
let server: ModelServer;

beforeAll(async () => {
  const image = await ensureTinyLlmImage();
  report(
    "image tiny-llm:cpu",
    image.seconds * 1000,
    `${image.built ? "built" : "current"}, ${Math.round(image.bytes / 1e6)} MB`,
  );
  model = await fetchModel({ source: undefined, cache: modelCacheFolder(), mayInstall: false });
  expect(model.origin).toBe("package");
  server = await startModelServer(model, {
    MAX_NUM_SEQS: "1",
    MAX_MODEL_LEN: "512",
    MAX_WAITING: "2",
    // A busy machine takes its time.
    DRAIN_MS: "60000",
  });
  report("docker start to ready", server.readyMs);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

describe("answers", () => {
  test("knows the capital of France, and counts tokens", async () => {
    const answer = await json(server.post("/v1/chat/completions", question));
    expect(answer.choices[0]?.message.content).toContain("Paris");
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    expect(prompt_tokens).toBeGreaterThan(10);
    expect(completion_tokens).toBeGreaterThan(3);
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  });

  test("streams the same answer in pieces, with its counts at the end", async () => {
    const parts: string[] = [];
    const streamed = await ask(server.endpoint, "What is the capital of France?", (text) => parts.push(text));
    expect(parts.length).toBeGreaterThan(3);
    expect(streamed.text).toContain("Paris");
    expect(streamed.tokens).toBeGreaterThan(3);
    report("first token", streamed.firstTokenMs, `${Math.round(streamed.tokensPerSecond)} tok/s`);
  });

  test("completes plain text up to max_tokens and stops at a stop text", async () => {
    const long = await json(server.post("/v1/completions", { ...story, max_tokens: 20 }));
    expect(long.usage.completion_tokens).toBe(20);
    expect(long.choices[0]?.finish_reason).toBe("length");
    const word = long.choices[0]?.text.trim().split(/\s+/)[3] ?? "";
    const cut = await json(server.post("/v1/completions", { ...story, max_tokens: 20, stop: [word] }));
    expect(cut.choices[0]?.finish_reason).toBe("stop");
    expect(cut.choices[0]?.text).not.toContain(word);
  });

  test("lists its model", async () => {
    const list = (await (await server.get("/v1/models")).json()) as { data: { id: string; max_model_len: number }[] };
    expect(list.data).toMatchObject([{ id: "tiny-llm", max_model_len: 512 }]);
  });
});

describe("bad input", () => {
  test.each([
    ["not JSON", '{"messages":', 400, /not JSON/],
    ["another model", { ...question, model: "gpt-5" }, 404, /no model "gpt-5" here/],
    [
      "a prompt over the context",
      { messages: [{ role: "user", content: "word ".repeat(600) }] },
      400,
      /context is 512 tokens/,
    ],
    ["a body over the limit", { messages: [{ role: "user", content: "x".repeat(5 * 1024 * 1024) }] }, 413, /limit/],
  ])("%s", async (_what, body, status, message) => {
    const response = await server.post("/v1/chat/completions", body);
    expect(response.status).toBe(status);
    expect(((await response.json()) as Completion).error.message).toMatch(message);
  });

  test("unknown routes and wrong methods", async () => {
    expect((await server.get("/v2/nothing")).status).toBe(404);
    expect((await server.get("/v1/completions")).status).toBe(405);
  });
});

describe("queue", () => {
  test("a client that leaves frees its place at once, and the next one gets it", async () => {
    const leaver = new AbortController();
    const response = await server.post("/v1/completions", { ...story, stream: true }, leaver.signal);
    const stream = pieces(response.body as unknown as AsyncIterable<Uint8Array>);
    await stream.next();
    const waiting = json(server.post("/v1/completions", { ...story, max_tokens: 2 }));
    await waitUntil("one waits", async () => (await server.metric("vllm:num_requests_waiting")) === 1);
    expect(await server.metric("vllm:num_requests_running")).toBe(1);
    const left = performance.now();
    leaver.abort();
    expect((await waiting).usage.completion_tokens).toBe(2);
    report("cancel to the next one's answer", performance.now() - left);
    expect(await server.metric("vllm:request_success_total", 'finished_reason="abort"')).toBe(1);
    await waitUntil("nobody runs", async () => (await server.metric("vllm:num_requests_running")) === 0);
  });

  test("refuses with 429 when the line is full", async () => {
    const stop = new AbortController();
    const many = Array.from({ length: 3 }, () =>
      server.post("/v1/completions", story, stop.signal).catch(() => undefined),
    );
    await waitUntil("two wait", async () => (await server.metric("vllm:num_requests_waiting")) === 2);
    const refused = await server.post("/v1/completions", story);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    stop.abort();
    await Promise.all(many);
    await waitUntil("nobody runs or waits", async () => {
      return (
        (await server.metric("vllm:num_requests_running")) + (await server.metric("vllm:num_requests_waiting")) === 0
      );
    });
  });
});

describe("metrics", () => {
  test("grow by what was asked and answered", async () => {
    const names = [
      "vllm:prompt_tokens_total",
      "vllm:generation_tokens_total",
      "vllm:time_to_first_token_seconds_count",
    ];
    const before = await Promise.all(names.map((name) => server.metric(name)));
    const { usage } = await json(server.post("/v1/chat/completions", question));
    const after = await Promise.all(names.map((name) => server.metric(name)));
    const grown = after.map((value, index) => value - (before[index] ?? 0));
    expect(grown).toEqual([usage.prompt_tokens, usage.completion_tokens, 1]);
    expect(await server.metric("vllm:e2e_request_latency_seconds_bucket", 'le="+Inf"')).toBeGreaterThan(1);
  });
});

describe("sleep", () => {
  test.each([1, 2])("level %i gives the memory back; after waking it still says Paris", async (level) => {
    await json(server.post("/v1/chat/completions", question));
    const awake = await server.residentBytes();
    expect((await server.post(`/sleep?level=${level}`)).status).toBe(200);
    const asleep = await server.residentBytes();
    report("memory", 0, `awake ${Math.round(awake / 1e6)} MB, asleep ${Math.round(asleep / 1e6)} MB`);
    expect(awake - asleep).toBeGreaterThan(80e6);
    expect(await (await server.get("/is_sleeping")).json()).toEqual({ is_sleeping: true });
    // A probe must not restart what sleeps on purpose, and a question must say what to do.
    expect((await server.get("/health")).status).toBe(200);
    const refused = await server.post("/v1/chat/completions", question);
    expect(refused.status).toBe(503);
    expect(((await refused.json()) as Completion).error).toMatchObject({
      code: "asleep",
      message: expect.stringContaining("/wake_up"),
    });
    const began = performance.now();
    expect((await server.post("/wake_up")).status).toBe(200);
    report("waking", performance.now() - began);
    expect(await (await server.get("/is_sleeping")).json()).toEqual({ is_sleeping: false });
    const answer = await json(server.post("/v1/chat/completions", question));
    expect(answer.choices[0]?.message.content).toContain("Paris");
  });

  test("lets a running answer finish first", async () => {
    const running = json(server.post("/v1/completions", { ...story, max_tokens: 60 }));
    await waitUntil("one runs", async () => (await server.metric("vllm:num_requests_running")) === 1, 10_000, 5);
    expect((await server.post("/sleep?level=1")).status).toBe(200);
    expect((await running).usage.completion_tokens).toBe(60);
    expect((await server.post("/wake_up")).status).toBe(200);
  });
});

test("ends cleanly on SIGTERM, with JSON lines only", async () => {
  await using own = await startModelServer(model, {});
  expect(await own.stop()).toBe(0);
  // Docker puts eight bytes before each line of a log without a terminal.
  const lines = (await own.logs())
    .split("\n")
    .map((line) => line.slice(line.indexOf("{")))
    .filter((line) => line !== "");
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["listening", "ready", "stopping"]);
});

test("the generated model loads and answers something", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ozwald-nonsense-"));
  const path = join(folder, "nonsense.gguf");
  try {
    writeFileSync(path, nonsenseModel());
    const generated = await fetchModel({ source: path, cache: folder, mayInstall: false });
    await using own = await startModelServer(generated, {});
    const answer = await json(own.post("/v1/chat/completions", { ...question, max_tokens: 8 }));
    expect(answer.usage.completion_tokens).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(existsSync(folder)).toBe(false);
});
