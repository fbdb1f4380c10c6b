// Answers one completion request: wait for a place, generate, stream or collect, count. A client that leaves frees its place.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LlamaSequence, Token } from "node-llama-cpp";
import { ApiError, errorBody, toApiError } from "./api-error.ts";
import type { Config } from "./config.ts";
import type { Engine } from "./engine.ts";
import { readJsonBody, sendJson } from "./http-json.ts";
import type { Generated, LoadedModel } from "./loaded-model.ts";
import type { Log } from "./log.ts";
import type { FinishReason, Metrics } from "./metrics.ts";
import { answer, chunk, readCompletionRequest, usage, usageChunk } from "./openai.ts";
import type { AnswerHead, CompletionRequest } from "./openai.ts";
import { sendFailure } from "./routed-server.ts";
import type { Slots } from "./slots.ts";

export type Parts = {
  config: Config;
  engine: Engine<LlamaSequence, LoadedModel>;
  slots: Slots<LlamaSequence>;
  metrics: Metrics;
  log: Log;
};

export async function handleCompletion(
  parts: Parts,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  chat: boolean,
): Promise<void> {
  const arrived = performance.now();
  const gone = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort(new ApiError(499, "the client left"));
  });
  const body = await readJsonBody(incoming, parts.config.maxBodyBytes);
  const request = readCompletionRequest(body, chat, parts.config.modelName);
  const model = parts.engine.ready();
  const prompt = model.tokenize(request);
  const maxTokens = roomFor(request, prompt, parts.config.maxModelLen);
  const place = await parts.slots.take(gone.signal);
  const unload = parts.engine.unloadSignal;
  const signal = AbortSignal.any([gone.signal, unload]);
  const head = {
    id: `${chat ? "chatcmpl" : "cmpl"}-${randomUUID()}`,
    created: unixNow(),
    model: parts.config.modelName,
    chat,
  };
  const writer = request.stream ? new StreamWriter(outgoing, head) : undefined;
  let firstTokenSeconds: number | undefined;
  let generated: Generated | undefined;
  try {
    generated = await model.generate(place, prompt, request, {
      maxTokens,
      signal,
      onText: (text) => {
        firstTokenSeconds ??= secondsSince(arrived);
        writer?.text(text);
      },
    });
  } finally {
    parts.slots.give(place, parts.engine.state === "ready");
    const reason = finishReason(generated, signal);
    const promptTokens = prompt.length;
    const generatedTokens = generated?.tokens ?? 0;
    const totalSeconds = secondsSince(arrived);
    parts.metrics.record({ reason, promptTokens, generatedTokens, firstTokenSeconds, totalSeconds });
    parts.log("info", "request", {
      id: head.id,
      stream: request.stream,
      reason,
      promptTokens,
      generatedTokens,
      firstTokenSeconds,
      totalSeconds,
    });
  }
  if (gone.signal.aborted) return;
  // Cut by sleep or shutdown: half an answer must not look like a whole one.
  if (unload.aborted) throw unload.reason;
  const used = usage(prompt.length, generated.tokens);
  const reason = finishReason(generated, signal);
  if (writer === undefined) sendJson(outgoing, 200, answer(head, generated.text, reason, used));
  else writer.end(reason, request.includeUsage ? usageChunk(head, used) : undefined);
}

/** Writes an error in whatever form the answer has by now. */
export function failCompletion(outgoing: ServerResponse, thrown: unknown): void {
  if (outgoing.destroyed || outgoing.writableEnded) return;
  if (!outgoing.headersSent) sendFailure(outgoing, thrown);
  else outgoing.end(`data: ${JSON.stringify(errorBody(toApiError(thrown)))}\n\n`);
}

/** Server-sent events; the opening goes out with the first text, so that an early failure can still be a status code. */
class StreamWriter {
  readonly #outgoing: ServerResponse;
  readonly #head: AnswerHead;
  #opened = false;

  constructor(outgoing: ServerResponse, head: AnswerHead) {
    this.#outgoing = outgoing;
    this.#head = head;
  }

  text(text: string): void {
    this.#open();
    this.#send(chunk(this.#head, text, null));
  }

  end(finishReason: string, last: object | undefined): void {
    this.#open();
    this.#send(chunk(this.#head, undefined, finishReason));
    if (last !== undefined) this.#send(last);
    this.#outgoing.end("data: [DONE]\n\n");
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#outgoing.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    if (this.#head.chat) this.#send(chunk(this.#head, undefined, null));
  }

  #send(piece: object): void {
    if (!this.#outgoing.destroyed) this.#outgoing.write(`data: ${JSON.stringify(piece)}\n\n`);
  }
}

/** Tokens the answer may have; refuses a prompt that leaves no room, and a wish that does not fit. */
function roomFor(request: CompletionRequest, prompt: Token[], maxModelLen: number): number {
  // One token of reserve: the completion may prepend the model's opening token.
  const room = maxModelLen - prompt.length - 1;
  if (room >= 1 && (request.maxTokens ?? 1) <= room) return request.maxTokens ?? room;
  const wish = request.maxTokens === undefined ? "" : ` and ${request.maxTokens} for the answer`;
  const text = `this model's context is ${maxModelLen} tokens, but the request needs ${prompt.length} for the prompt${wish}`;
  throw new ApiError(400, `${text}; shorten it or lower max_tokens`, { code: "context_length_exceeded" });
}

function finishReason(generated: Generated | undefined, signal: AbortSignal): FinishReason {
  if (generated === undefined || signal.aborted || generated.stopReason === "abort") return "abort";
  return generated.stopReason === "maxTokens" ? "length" : "stop";
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000);
}

function secondsSince(start: number): number {
  return Math.round(performance.now() - start) / 1000;
}
