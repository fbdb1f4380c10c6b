// What the environment may say about this server: names follow vLLM's flags where vLLM has one.

import { wholeNumbers } from "./environment.ts";
import type { Environment } from "./environment.ts";

export type Config = {
  /** GGUF file, readable by the container's user. */
  modelPath: string;
  /** Name under which the model answers, `model` in every request. */
  modelName: string;
  port: number;
  /** Prompt and answer together, in tokens, for one request. */
  maxModelLen: number;
  /** Requests that generate at the same time; more wait. */
  maxNumSeqs: number;
  /** Requests that may wait; one more is refused with 429. */
  maxWaiting: number;
  /**
   * The runtime's threads wait for each other by spinning, so all of them crawl as soon as one has to share its core: never more
   * than the machine has cores, and unless said otherwise one core is left to everything else.
   */
  threads: number;
  /** Opens a chat that brings no system message; empty leaves that to the model's own template. */
  systemPrompt: string;
  /** Used when a request says nothing. 0 takes the likeliest token each time: a model this small soon loses its way otherwise. */
  temperature: number;
  /** Bytes a request body may have. */
  maxBodyBytes: number;
  /** How long running requests may go on after SIGTERM or before sleeping, ms. */
  drainMs: number;
};

/** Reads every setting at once and throws one error that names all wrong ones. `cores` is what the machine has. */
export function readConfig(environment: Environment, cores: number): Config {
  const problems: string[] = [];
  const whole = wholeNumbers(environment, problems);
  const temperature = Number(environment["TEMPERATURE"] || "0");
  if (!(temperature >= 0 && temperature <= 2)) problems.push("TEMPERATURE must be a number from 0 to 2");
  const config: Config = {
    modelPath: environment["MODEL_PATH"] || "/models/model.gguf",
    modelName: environment["SERVED_MODEL_NAME"] || "tiny-llm",
    port: whole("PORT", 8000, 1, 65_535),
    maxModelLen: whole("MAX_MODEL_LEN", 1024, 16, 131_072),
    maxNumSeqs: whole("MAX_NUM_SEQS", 2, 1, 64),
    maxWaiting: whole("MAX_WAITING", 256, 0, 100_000),
    threads: Math.min(whole("THREADS", Math.max(1, Math.min(cores - 1, 8)), 1, 512), cores),
    // Very small models keep to the point and the language better with this than with the prompt they were trained on.
    systemPrompt: environment["SYSTEM_PROMPT"] ?? "You are a helpful AI assistant.",
    temperature,
    maxBodyBytes: whole("MAX_BODY_BYTES", 4 * 1024 * 1024, 1024, 1024 ** 3),
    drainMs: whole("DRAIN_MS", 8000, 0, 600_000),
  };
  if (problems.length > 0) throw new Error(`the environment is wrong: ${problems.join("; ")}`);
  return config;
}
