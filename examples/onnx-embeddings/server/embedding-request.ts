// The shapes of OpenAI's embeddings API: what a request may say, checked, and what the answer looks like. Pure.

import { ApiError } from "../../quickstart/tiny-llm/api-error.ts";

export type EmbeddingRequest = {
  texts: string[];
  /** Undefined: as many as the model has. */
  dimensions: number | undefined;
  base64: boolean;
};

export type RequestLimits = { modelName: string; maxTexts: number; size: number };

type Fields = Readonly<Record<string, unknown>>;

/** Checks a request body; throws an ApiError (400, or 404 for another model) that names the field. */
export function readEmbeddingRequest(body: unknown, limits: RequestLimits): EmbeddingRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw bad("the body must be a JSON object");
  const fields = body as Fields;
  const model = fields["model"];
  if (model !== undefined && model !== limits.modelName) {
    const text = `no model "${String(model)}" here; this server has "${limits.modelName}"`;
    throw new ApiError(404, text, { code: "model_not_found" });
  }
  const format = fields["encoding_format"] ?? "float";
  if (format !== "float" && format !== "base64") throw bad("encoding_format: must be float or base64");
  return {
    texts: readInput(fields["input"], limits.maxTexts),
    dimensions: readDimensions(fields["dimensions"], limits.size),
    base64: format === "base64",
  };
}

function readInput(value: unknown, maxTexts: number): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (value === undefined) throw bad("input: is missing");
  if (list.length === 0) throw bad("input: must have at least one text");
  if (list.length > maxTexts) throw bad(`input: ${list.length} texts, at most ${maxTexts} in one request`);
  return list.map((text, i) => {
    const where = Array.isArray(value) ? `input[${i}]` : "input";
    if (typeof text === "number" || Array.isArray(text)) {
      throw bad(`${where}: lists of tokens are of another model's vocabulary; send text`);
    }
    if (typeof text !== "string") throw bad(`${where}: must be text`);
    if (text === "") throw bad(`${where}: must not be empty`);
    return text;
  });
}

function readDimensions(value: unknown, size: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= size) return value;
  throw bad(`dimensions: must be a whole number from 1 to ${size}`);
}

/** The answer to a request; `vectors` in the order of its texts. */
export function embeddingAnswer(
  modelName: string,
  vectors: readonly Float32Array[],
  base64: boolean,
  tokens: number,
): object {
  const data = vectors.map((vector, index) => {
    const embedding = base64
      ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64")
      : [...vector];
    return { object: "embedding", index, embedding };
  });
  return { object: "list", data, model: modelName, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function bad(message: string): ApiError {
  return new ApiError(400, message);
}
