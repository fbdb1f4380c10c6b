// Starts the server: listens at once (so that /health can say "loading"), then loads the model, and ends cleanly on SIGTERM.

import { availableParallelism } from "node:os";
import { ApiError } from "../../quickstart/tiny-llm/api-error.ts";
import { log } from "../../quickstart/tiny-llm/log.ts";
import { Metrics } from "../../quickstart/tiny-llm/metrics.ts";
import { closeServer, listen } from "../../quickstart/tiny-llm/routed-server.ts";
import { Slots } from "../../quickstart/tiny-llm/slots.ts";
import { readConfig } from "./config.ts";
import { Embedder } from "./embedder.ts";
import { makeServer } from "./server.ts";

async function main(): Promise<void> {
  const config = readConfig(process.env, availableParallelism());
  const slots = new Slots<number>(config.maxWaiting);
  const loaded: { embedder?: Embedder } = {};
  const server = makeServer({
    config,
    embedder: () => loaded.embedder,
    slots,
    metrics: new Metrics(config.modelName),
    log,
  });

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log("info", "stopping", { signal });
    slots.close(new ApiError(503, "this server is stopping", { retryAfterSeconds: 1 }));
    void closeServer(server, config.drainMs).finally(() => process.exit(0));
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));

  await listen(server, config.port);
  log("info", "listening", { port: config.port, model: config.modelName, folder: config.modelFolder });
  const embedder = await Embedder.load(config);
  loaded.embedder = embedder;
  slots.open(Array.from({ length: config.maxNumSeqs }, (_, place) => place));
  const seconds = Math.round(process.uptime() * 1000) / 1000;
  log("info", "ready", { seconds, threads: config.threads, dimensions: embedder.size });
}

main().catch((error: unknown) => {
  log("error", "cannot start", { error: error instanceof Error ? error.message : String(error) });
  process.exit(1);
});
