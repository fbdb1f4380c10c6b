// The loaded model: its tokenizer and its session. Texts of like length are read together, so that little is padding.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { ApiError } from "../../quickstart/tiny-llm/api-error.ts";
import type { Config } from "./config.ts";
import { poolText } from "./vectors.ts";
import type { Hidden } from "./vectors.ts";

export class Embedder {
  /** Numbers in a vector. */
  readonly size: number;
  readonly #tokenizer: Tokenizer;
  readonly #session: InferenceSession;
  readonly #config: Config;

  private constructor(tokenizer: Tokenizer, session: InferenceSession, size: number, config: Config) {
    this.#tokenizer = tokenizer;
    this.#session = session;
    this.#config = config;
    this.size = size;
  }

  /** Reads the folder and asks the model once, so that one that cannot answer is known at the start. */
  static async load(config: Config): Promise<Embedder> {
    const json = async (name: string): Promise<object> =>
      JSON.parse(await readFile(join(config.modelFolder, name), "utf8")) as object;
    const tokenizer = new Tokenizer(await json("tokenizer.json"), await json("tokenizer_config.json"));
    const session = await InferenceSession.create(join(config.modelFolder, "model.onnx"), {
      intraOpNumThreads: config.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    });
    const { size } = await readBatch(session, [tokenizer.encode("ready").ids]);
    return new Embedder(tokenizer, session, size, config);
  }

  /** A text's tokens, its opening and closing ones too; 400 when there are too many. */
  tokenize(texts: readonly string[]): number[][] {
    return texts.map((text, i) => {
      const { ids } = this.#tokenizer.encode(text);
      if (ids.length <= this.#config.maxModelLen) return ids;
      const problem = `input[${i}]: ${ids.length} tokens, this model reads at most ${this.#config.maxModelLen}`;
      throw new ApiError(400, problem, { code: "context_length_exceeded" });
    });
  }

  /** Vectors in the order of the texts. Between batches it looks whether somebody still waits for them. */
  async embed(tokens: readonly number[][], signal: AbortSignal): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    const byLength = tokens.map((_, i) => i).sort((a, b) => lengthOf(tokens, a) - lengthOf(tokens, b));
    for (let start = 0; start < byLength.length; start += this.#config.batchTexts) {
      signal.throwIfAborted();
      const batch = byLength.slice(start, start + this.#config.batchTexts);
      const hidden = await readBatch(
        this.#session,
        batch.map((i) => tokens[i] as number[]),
      );
      for (const [row, i] of batch.entries()) {
        vectors[i] = poolText(hidden, row, lengthOf(tokens, i), this.#config.pooling);
      }
    }
    return vectors;
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }
}

function lengthOf(tokens: readonly number[][], i: number): number {
  return tokens[i]?.length ?? 0;
}

async function readBatch(session: InferenceSession, batch: readonly number[][]): Promise<Hidden> {
  const longest = Math.max(...batch.map(({ length }) => length));
  const ids = new BigInt64Array(batch.length * longest);
  const mask = new BigInt64Array(ids.length);
  for (const [row, tokens] of batch.entries()) {
    for (const [column, id] of tokens.entries()) {
      ids[row * longest + column] = BigInt(id);
      mask[row * longest + column] = 1n;
    }
  }
  const shape = [batch.length, longest];
  const all: Record<string, BigInt64Array> = {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: new BigInt64Array(ids.length),
  };
  const feeds: Record<string, Tensor> = {};
  for (const name of session.inputNames) {
    const data = all[name];
    if (data === undefined) throw new Error(`the model wants an input ${name}, which is not known here`);
    feeds[name] = new Tensor("int64", data, shape);
  }
  const output = (await session.run(feeds))[session.outputNames[0] ?? ""];
  const size = output?.dims[2];
  if (output === undefined || size === undefined || !(output.data instanceof Float32Array)) {
    throw new Error("the model's first output must be a vector of 32-bit floats for each token");
  }
  return { data: output.data, longest, size };
}
