// Asks a served model one question over OpenAI's streaming API and measures the answer.

import { OzError } from "#core/errors.ts";

export type Answer = { text: string; firstTokenMs: number; tokens: number; tokensPerSecond: number };

type Piece = {
  choices: { delta: { content?: string } }[];
  usage?: { completion_tokens: number };
  error?: { message: string };
};

/** `onText` gets the answer while it is made. */
export async function ask(
  endpoint: string,
  question: string,
  onText: (text: string) => void,
  timeoutMs = 120_000,
): Promise<Answer> {
  const body = {
    model: "tiny-llm",
    messages: [{ role: "user", content: question }],
    temperature: 0,
    max_tokens: 200,
    stream: true,
    stream_options: { include_usage: true },
  };
  const started = performance.now();
  const response = await fetch(`${endpoint}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok || response.body === null) {
    throw new OzError("failed", `${endpoint} answered ${response.status}: ${await response.text()}`, {
      hint: "ozctl logs tiny-llm",
    });
  }
  let text = "";
  let first: number | undefined;
  let tokens = 0;
  for await (const piece of pieces(response.body)) {
    if (piece.error !== undefined)
      throw new OzError("failed", `${endpoint}: ${piece.error.message}`, { hint: "ozctl logs tiny-llm" });
    tokens = piece.usage?.completion_tokens ?? tokens;
    const some = piece.choices[0]?.delta.content ?? "";
    if (some === "") continue;
    first ??= performance.now();
    text += some;
    onText(some);
  }
  if (first === undefined) throw new OzError("failed", `${endpoint} answered nothing`, { hint: "ozctl logs tiny-llm" });
  const generationSeconds = (performance.now() - first) / 1000;
  const tokensPerSecond = tokens > 1 ? (tokens - 1) / Math.max(generationSeconds, 1e-6) : 0;
  return { text: text.trim(), firstTokenMs: first - started, tokens, tokensPerSecond };
}

/** The JSON of each `data:` line. */
export async function* pieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice("data:".length).trim() : "";
      if (data !== "" && data !== "[DONE]") yield JSON.parse(data) as Piece;
    }
  }
}
