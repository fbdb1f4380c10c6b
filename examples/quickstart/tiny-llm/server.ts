// The routes: OpenAI's, vLLM's sleep API, health and metrics.

import type { Server } from "node:http";
import { ApiError } from "./api-error.ts";
import { failCompletion, handleCompletion } from "./completions.ts";
import type { Parts } from "./completions.ts";
import { sendJson, sendText } from "./http-json.ts";
import { routedServer } from "./routed-server.ts";
import type { Routes } from "./routed-server.ts";

const ROUTES: Routes<Parts> = {
  "GET /health": ({ engine }, _incoming, outgoing) => {
    // Asleep is healthy: the server answers, and a probe must not restart a model that was put to sleep on purpose.
    const healthy = engine.state === "ready" || engine.asleep;
    sendJson(outgoing, healthy ? 200 : 503, { status: engine.state });
  },
  "GET /v1/models": ({ config }, _incoming, outgoing) => {
    const model = {
      id: config.modelName,
      object: "model",
      created: 0,
      owned_by: "ozwald",
      max_model_len: config.maxModelLen,
    };
    sendJson(outgoing, 200, { object: "list", data: [model] });
  },
  "GET /metrics": ({ metrics, slots, engine }, _incoming, outgoing) => {
    const page = metrics.text({ running: slots.running, waiting: slots.waiting, asleep: engine.asleep });
    sendText(outgoing, 200, page, "text/plain; version=0.0.4; charset=utf-8");
  },
  "POST /v1/chat/completions": (parts, incoming, outgoing) => handleCompletion(parts, incoming, outgoing, true),
  "POST /v1/completions": (parts, incoming, outgoing) => handleCompletion(parts, incoming, outgoing, false),
  "POST /sleep": async ({ engine, log }, _incoming, outgoing, url) => {
    const level = url.searchParams.get("level") ?? "1";
    // vLLM's level 1 keeps the weights in RAM, off the GPU. Here RAM is what sleeping frees, so both levels drop them.
    if (level !== "1" && level !== "2") throw new ApiError(400, `level: must be 1 or 2, not "${level}"`);
    await engine.sleep();
    log("info", "asleep", { sleepLevel: Number(level) });
    sendText(outgoing, 200, "", "text/plain");
  },
  "POST /wake_up": async ({ engine, log }, _incoming, outgoing) => {
    const started = performance.now();
    await engine.wake();
    log("info", "awake", { seconds: Math.round(performance.now() - started) / 1000 });
    sendText(outgoing, 200, "", "text/plain");
  },
  "GET /is_sleeping": ({ engine }, _incoming, outgoing) => sendJson(outgoing, 200, { is_sleeping: engine.asleep }),
};

export function makeServer(parts: Parts): Server {
  return routedServer(ROUTES, parts, failCompletion);
}
