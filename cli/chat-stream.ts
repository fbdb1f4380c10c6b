// One answer of a model that speaks OpenAI's protocol, piece by piece, with how fast it came.
import type { IncomingMessage } from "node:http";
import { OzError, toOzError } from "#core/errors.ts";
import { bodyText, requestThrough } from "./forward-http.ts";
import type { Forwarder } from "./forwarder.ts";

export type ChatMessage = { readonly role: "system" | "user" | "assistant"; readonly content: string };

export type ChatAnswer = {
  readonly text: string;
  /** From the question to the first piece, in milliseconds; undefined when nothing came. */
  readonly firstTokenMs: number | undefined;
  /** Tokens of the answer as the model counts them, else pieces. */
  readonly tokens: number;
  /** After the first one; undefined for fewer than two. */
  readonly tokensPerSecond: number | undefined;
};

export type ChatQuestion = {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number | undefined;
  readonly signal: AbortSignal;
  onText(piece: string): void;
};

/** The model that is served: the first of /v1/models. Throws precondition when that is no OpenAI server. */
export async function servedModel(forwarder: Forwarder, written: string, signal: AbortSignal): Promise<string> {
  const response = await requestThrough(forwarder, { path: "/v1/models", signal }).catch((error: unknown) => {
    const { code, message, hint } = toOzError(error);
    // Something that does not speak HTTP at all.
    if (code !== "unavailable" || hint !== "") throw error;
    throw new OzError("precondition", `${written} is no model server. ${message}`, {
      hint: otherPortHint(written),
      cause: error,
    });
  });
  const text = await bodyText(response);
  const id = response.statusCode === 200 ? firstModel(text) : undefined;
  if (id !== undefined) return id;
  throw new OzError(
    "precondition",
    `${written} does not answer /v1/models as a model server does (HTTP status ${response.statusCode}).`,
    { hint: otherPortHint(written) },
  );
}

export function otherPortHint(written: string): string {
  return `Is it another port?  ozctl chat ${written} --remote-port N        Look yourself:  ozctl forward ${written}`;
}

function firstModel(text: string): string | undefined {
  const id = (parseJson(text) as { data?: { id?: unknown }[] } | undefined)?.data?.[0]?.id;
  return typeof id === "string" ? id : undefined;
}

/** Asks and streams the answer. Aborting the signal ends the connection, and with it the model's work; throws cancelled then. */
export async function askModel(forwarder: Pick<Forwarder, "connect">, question: ChatQuestion): Promise<ChatAnswer> {
  const { model, messages, maxTokens, signal, onText } = question;
  const body = {
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
  };
  const began = performance.now();
  const response = await requestThrough(forwarder, { path: "/v1/chat/completions", body, signal });
  if (response.statusCode !== 200) throw await refusal(response);
  let [text, pieces, counted, first, last] = ["", 0, 0, 0, 0];
  for await (const event of events(response, signal)) {
    const { piece, tokens } = readEvent(event);
    if (tokens !== undefined) counted = tokens;
    if (piece === "") continue;
    last = performance.now();
    if (pieces++ === 0) first = last;
    text += piece;
    onText(piece);
  }
  const tokens = counted || pieces;
  return {
    text,
    firstTokenMs: pieces === 0 ? undefined : first - began,
    tokens,
    tokensPerSecond: tokens > 1 && last > first ? ((tokens - 1) * 1000) / (last - first) : undefined,
  };
}

type ChatEvent = {
  choices?: { delta?: { content?: string | null } }[];
  usage?: { completion_tokens?: number } | null;
  error?: { message?: string };
};

function readEvent(text: string): { piece: string; tokens: number | undefined } {
  const event = parseJson(text) as ChatEvent | undefined;
  if (event === undefined)
    throw new OzError("failed", `The model sent something that is no JSON: ${text.slice(0, 80)}`);
  if (event.error !== undefined) throw new OzError("failed", event.error.message ?? "The model failed.");
  return { piece: event.choices?.[0]?.delta?.content ?? "", tokens: event.usage?.completion_tokens };
}

/** The data of server-sent events until [DONE]. Throws unavailable when the answer breaks off before that. */
async function* events(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const data = /^data:\s*(.*?)\r?$/.exec(line)?.[1];
        if (data === "[DONE]") return;
        if (data !== undefined && data !== "") yield data;
      }
    }
  } catch (error) {
    if (signal.aborted) throw new OzError("cancelled", "Ended before the answer did.", { cause: error });
    if (error instanceof OzError) throw error;
    throw new OzError("unavailable", `The answer broke off: ${toOzError(error).message}.`, { cause: error });
  }
}

async function refusal(response: IncomingMessage): Promise<OzError> {
  const text = await bodyText(response);
  const { error } = (parseJson(text) as { error?: { message?: string } } | undefined) ?? {};
  return new OzError("failed", `The model answered ${response.statusCode}: ${error?.message ?? text.slice(0, 200)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
