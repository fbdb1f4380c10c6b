// The routes: OpenAI's embeddings, health and metrics. A request waits for a place, and gives it back when its client leaves.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { ApiError } from "../../quickstart/tiny-llm/api-error.ts";
import { readJsonBody, sendJson, sendText } from "../../quickstart/tiny-llm/http-json.ts";
import type { Log } from "../../quickstart/tiny-llm/log.ts";
import type { Metrics } from "../../quickstart/tiny-llm/metrics.ts";
import { routedServer } from "../../quickstart/tiny-llm/routed-server.ts";
import type { Routes } from "../../quickstart/tiny-llm/routed-server.ts";
import type { Slots } from "../../quickstart/tiny-llm/slots.ts";
import type { Config } from "./config.ts";
import type { Embedder } from "./embedder.ts";
import { embeddingAnswer, readEmbeddingRequest } from "./embedding-request.ts";
import { shorten } from "./vectors.ts";

export type Parts = {
  config: Config;
  /** Undefined while the model loads. */
  embedder: () => Embedder | undefined;
  slots: Slots<number>;
  metrics: Metrics;
  log: Log;
};

const ROUTES: Routes<Parts> = {
  "GET /health": ({ embedder }, _incoming, outgoing) => {
    const ready = embedder() !== undefined;
    sendJson(outgoing, ready ? 200 : 503, { status: ready ? "ready" : "loading" });
  },
  "GET /v1/models": ({ config }, _incoming, outgoing) => {
    const { modelName: id, maxModelLen: max_model_len } = config;
    const model = { id, object: "model", created: 0, owned_by: "ozwald", max_model_len };
    sendJson(outgoing, 200, { object: "list", data: [model] });
  },
  "GET /metrics": ({ metrics, slots }, _incoming, outgoing) => {
    const page = metrics.text({ running: slots.running, waiting: slots.waiting, asleep: false });
    sendText(outgoing, 200, page, "text/plain; version=0.0.4; charset=utf-8");
  },
  "POST /v1/embeddings": handleEmbeddings,
};

export function makeServer(parts: Parts): Server {
  return routedServer(ROUTES, parts);
}

async function handleEmbeddings(parts: Parts, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { config, slots } = parts;
  const arrived = performance.now();
  const gone = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort(new ApiError(499, "the client left"));
  });
  const body = await readJsonBody(incoming, config.maxBodyBytes);
  const embedder = parts.embedder();
  if (embedder === undefined) {
    const text = "the model is loading; try again in a moment";
    throw new ApiError(503, text, { type: "service_unavailable", code: "loading", retryAfterSeconds: 1 });
  }
  const limits = { modelName: config.modelName, maxTexts: config.maxTexts, size: embedder.size };
  const request = readEmbeddingRequest(body, limits);
  const tokens = embedder.tokenize(request.texts);
  const promptTokens = tokens.reduce((sum, { length }) => sum + length, 0);
  const place = await slots.take(gone.signal);
  let vectors: Float32Array[] | undefined;
  try {
    vectors = await embedder.embed(tokens, gone.signal);
  } finally {
    slots.give(place);
    const reason = vectors === undefined ? "abort" : "stop";
    const totalSeconds = Math.round(performance.now() - arrived) / 1000;
    parts.metrics.record({ reason, promptTokens, generatedTokens: 0, firstTokenSeconds: undefined, totalSeconds });
    parts.log("info", "request", { texts: tokens.length, reason, promptTokens, totalSeconds });
  }
  const short = vectors.map((vector) => shorten(vector, request.dimensions));
  sendJson(outgoing, 200, embeddingAnswer(config.modelName, short, request.base64, promptTokens));
}
