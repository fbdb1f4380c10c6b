// Starts the server: listens at once (so that /health can say "loading"), then loads the model, and ends cleanly on SIGTERM.

import { availableParallelism } from "node:os";
import { readConfig } from "./config.ts";
import { Engine } from "./engine.ts";
import { LoadedModel, openLlama } from "./loaded-model.ts";
import { log } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { closeServer, listen } from "./routed-server.ts";
import { makeServer } from "./server.ts";
import { Slots } from "./slots.ts";
import type { LlamaSequence } from "node-llama-cpp";

async function main(): Promise<void> {
  const config = readConfig(process.env, availableParallelism());
  const slots = new Slots<LlamaSequence>(config.maxWaiting);
  let llama: ReturnType<typeof openLlama> | undefined;
  const load = async (): Promise<LoadedModel> => LoadedModel.load(await (llama ??= openLlama(log)), config);
  const engine = new Engine<LlamaSequence, LoadedModel>(load, slots, config.drainMs);
  const server = makeServer({ config, engine, slots, metrics: new Metrics(config.modelName), log });

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log("info", "stopping", { signal });
    // During a load there is nothing to finish, and the native loader cannot be interrupted.
    if (engine.state === "loading") process.exit(0);
    void Promise.allSettled([engine.stop(), closeServer(server, config.drainMs)]).then(() => process.exit(0));
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));

  await listen(server, config.port);
  log("info", "listening", { port: config.port, model: config.modelName, file: config.modelPath });
  await engine.start();
  log("info", "ready", { seconds: Math.round(process.uptime() * 1000) / 1000, threads: config.threads });
}

main().catch((error: unknown) => {
  log("error", "cannot start", { error: error instanceof Error ? error.message : String(error) });
  process.exit(1);
});
