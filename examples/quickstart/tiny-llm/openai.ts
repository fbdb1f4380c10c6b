// The shapes of OpenAI's completions API: what a request may say, checked, and what the answers look like. Pure.

import { ApiError } from "./api-error.ts";

export type Message = { role: string; content: string };

export type CompletionRequest = {
  chat: boolean;
  messages: Message[];
  prompt: string;
  stream: boolean;
  includeUsage: boolean;
  /** Undefined: up to the end of the context. */
  maxTokens: number | undefined;
  temperature: number | undefined;
  topP: number | undefined;
  topK: number | undefined;
  seed: number | undefined;
  presencePenalty: number;
  frequencyPenalty: number;
  stop: string[];
};

export type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };
export type AnswerHead = { id: string; created: number; model: string; chat: boolean };

type Fields = Readonly<Record<string, unknown>>;

/** Checks a request body; throws an ApiError (400, or 404 for another model) that names the field. */
export function readCompletionRequest(body: unknown, chat: boolean, modelName: string): CompletionRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw bad("the body must be a JSON object");
  const fields = body as Fields;
  const model = fields["model"];
  if (model !== undefined && model !== modelName) {
    const text = `no model "${String(model)}" here; this server has "${modelName}"`;
    throw new ApiError(404, text, { code: "model_not_found" });
  }
  for (const key of ["n", "best_of"]) {
    if ((fields[key] ?? 1) !== 1) throw bad(`${key}: only 1 answer per request is supported`);
  }
  const options = fields["stream_options"] as Fields | null | undefined;
  return {
    chat,
    messages: chat ? readMessages(fields["messages"]) : [],
    prompt: chat ? "" : readPrompt(fields["prompt"]),
    stream: flag(fields, "stream"),
    includeUsage: typeof options === "object" && options !== null && flag(options, "include_usage"),
    maxTokens: number(fields, "max_completion_tokens", 1, 1e6, true) ?? number(fields, "max_tokens", 1, 1e6, true),
    temperature: number(fields, "temperature", 0, 2),
    topP: number(fields, "top_p", 0, 1),
    topK: number(fields, "top_k", -1, 1e6, true),
    seed: number(fields, "seed", 0, 2 ** 32 - 1, true),
    presencePenalty: number(fields, "presence_penalty", -2, 2) ?? 0,
    frequencyPenalty: number(fields, "frequency_penalty", -2, 2) ?? 0,
    stop: readStop(fields["stop"]),
  };
}

export function usage(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** A whole answer. */
export function answer(head: AnswerHead, text: string, finishReason: string, used: Usage): object {
  const choice = head.chat
    ? { index: 0, message: { role: "assistant", content: text }, logprobs: null, finish_reason: finishReason }
    : { index: 0, text, logprobs: null, finish_reason: finishReason };
  return { ...envelope(head, false), choices: [choice], usage: used };
}

/** One streamed piece: text, or the end (`finishReason`), or for a chat the opening with the role (`text` undefined). */
export function chunk(head: AnswerHead, text: string | undefined, finishReason: string | null): object {
  if (!head.chat) {
    return {
      ...envelope(head, true),
      choices: [{ index: 0, text: text ?? "", logprobs: null, finish_reason: finishReason }],
    };
  }
  const opening = text === undefined && finishReason === null;
  const delta = opening ? { role: "assistant", content: "" } : text === undefined ? {} : { content: text };
  return { ...envelope(head, true), choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }] };
}

/** The last piece of a stream that asked for token counts. */
export function usageChunk(head: AnswerHead, used: Usage): object {
  return { ...envelope(head, true), choices: [], usage: used };
}

function envelope(head: AnswerHead, piece: boolean): object {
  const object = head.chat ? (piece ? "chat.completion.chunk" : "chat.completion") : "text_completion";
  return { id: head.id, object, created: head.created, model: head.model };
}

function readMessages(value: unknown): Message[] {
  if (!Array.isArray(value) || value.length === 0) throw bad("messages: must be a list with at least one message");
  return value.map((entry: unknown, index) => {
    const message = (typeof entry === "object" && entry !== null ? entry : {}) as Fields;
    const role = message["role"];
    if (typeof role !== "string" || role === "") throw bad(`messages[${index}].role: must be text`);
    return { role: role === "developer" ? "system" : role, content: readContent(message["content"], index) };
  });
}

function readContent(value: unknown, index: number): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (!Array.isArray(value)) throw bad(`messages[${index}].content: must be text or a list of parts`);
  return value
    .map((part: unknown) => {
      const fields = (typeof part === "object" && part !== null ? part : {}) as Fields;
      if (fields["type"] === "text" && typeof fields["text"] === "string") return fields["text"];
      throw bad(`messages[${index}].content: only parts of type "text" are supported, this model reads text only`);
    })
    .join("");
}

function readPrompt(value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  if (Array.isArray(value) && value.length === 1 && typeof value[0] === "string") return value[0];
  throw bad("prompt: must be one text that is not empty");
}

function readStop(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const list = typeof value === "string" ? [value] : value;
  const fine = Array.isArray(list) && list.length <= 16 && list.every((one) => typeof one === "string" && one !== "");
  if (!fine) throw bad("stop: must be a text or a list of at most 16 texts");
  return list as string[];
}

function number(fields: Fields, key: string, low: number, high: number, whole = false): number | undefined {
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  throw bad(`${key}: must be a ${whole ? "whole " : ""}number from ${low} to ${high}`);
}

function flag(fields: Fields, key: string): boolean {
  const value = fields[key];
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  throw bad(`${key}: must be true or false`);
}

function bad(message: string): ApiError {
  return new ApiError(400, message);
}
