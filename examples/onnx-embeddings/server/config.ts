// What the environment may say about this server: names follow vLLM's flags where vLLM has one.

import { wholeNumbers } from "../../quickstart/tiny-llm/environment.ts";
import type { Environment } from "../../quickstart/tiny-llm/environment.ts";

export type Config = {
  /** Folder with model.onnx, tokenizer.json and tokenizer_config.json, readable by the container's user. */
  modelFolder: string;
  /** Name under which the model answers, `model` in every request. */
  modelName: string;
  port: number;
  /** Tokens of one text; a longer one is refused. */
  maxModelLen: number;
  /** Texts of one request. */
  maxTexts: number;
  /** Texts that the model reads at once. */
  batchTexts: number;
  /** Requests that are worked on at the same time; more wait. */
  maxNumSeqs: number;
  /** Requests that may wait; one more is refused with 429. */
  maxWaiting: number;
  /** Never more than the machine has. */
  threads: number;
  /** How the vectors of a text's tokens become one. */
  pooling: "mean" | "cls";
  /** Bytes a request body may have. */
  maxBodyBytes: number;
  /** How long running requests may go on after SIGTERM, ms. */
  drainMs: number;
};

/** Reads every setting at once and throws one error that names all wrong ones. `cores` is what the machine has. */
export function readConfig(environment: Environment, cores: number): Config {
  const problems: string[] = [];
  const whole = wholeNumbers(environment, problems);
  const pooling = environment["POOLING"] || "mean";
  if (pooling !== "mean" && pooling !== "cls") problems.push(`POOLING is "${pooling}", must be mean or cls`);
  const config: Config = {
    modelFolder: environment["MODEL_FOLDER"] || "/models/all-minilm-l6-v2",
    modelName: environment["SERVED_MODEL_NAME"] || "all-minilm-l6-v2",
    port: whole("PORT", 8000, 1, 65_535),
    maxModelLen: whole("MAX_MODEL_LEN", 256, 8, 131_072),
    maxTexts: whole("MAX_TEXTS", 2048, 1, 100_000),
    batchTexts: whole("BATCH_TEXTS", 16, 1, 1024),
    maxNumSeqs: whole("MAX_NUM_SEQS", 1, 1, 64),
    maxWaiting: whole("MAX_WAITING", 256, 0, 100_000),
    threads: Math.min(whole("THREADS", Math.min(cores, 8), 1, 512), cores),
    pooling: pooling === "cls" ? "cls" : "mean",
    maxBodyBytes: whole("MAX_BODY_BYTES", 4 * 1024 * 1024, 1024, 1024 ** 3),
    drainMs: whole("DRAIN_MS", 8000, 0, 600_000),
  };
  if (problems.length > 0) throw new Error(`the environment is wrong: ${problems.join("; ")}`);
  return config;
}
