// Lays out the file system of the onnx-embeddings image: Node, its libraries, ONNX Runtime for processors, the server's sources.

import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { installLocked, pruneModules, sourceFiles, stageNode } from "./stage-node.ts";
import type { StageOptions } from "./stage-node.ts";

/** What the server takes from tiny-llm; in the image both lie beside each other as they do under examples/. */
const SHARED = [
  "api-error.ts",
  "environment.ts",
  "http-json.ts",
  "log.ts",
  "metrics.ts",
  "routed-server.ts",
  "slots.ts",
];

/** Of the runtime's package only what reads and runs models is needed; the rest fetches libraries for GPUs at install time. */
const NEEDED = ["@huggingface", "onnxruntime-common", "onnxruntime-node"];

/** Everything of examples/ that goes into the image. `source` is examples/onnx-embeddings/server. */
export function onnxEmbeddingsFiles(source: string): string[] {
  const shared = SHARED.map((name) => join(source, "../../quickstart/tiny-llm", name));
  return [...sourceFiles(source).map((name) => join(source, name)), ...shared];
}

/** Installs, copies and prunes. */
export async function stageOnnxEmbeddings(options: StageOptions): Promise<void> {
  const { source, stage } = options;
  const examples = join(source, "../..");
  const app = join(stage, "root/app");
  for (const file of onnxEmbeddingsFiles(source)) {
    const target = join(app, file.slice(examples.length));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
  copyFileSync(join(source, "Dockerfile"), join(stage, "Dockerfile"));
  const server = join(app, "onnx-embeddings/server");
  copyFileSync(join(source, "package-lock.json"), join(server, "package-lock.json"));
  await installLocked(server);
  rmSync(join(server, "package-lock.json"));
  const modules = join(server, "node_modules");
  pruneModules(
    modules,
    readdirSync(modules).filter((name) => !NEEDED.includes(name)),
  );
  const bins = keepOwnBinaries(join(modules, "onnxruntime-node/bin/napi-v6"));
  const native = readdirSync(bins).filter((name) => /\.node$|\.so(\.|$)/.test(name));
  await stageNode(
    options,
    native.map((name) => join(bins, name)),
  );
}

/** The package has the library for every system; one of them stays. Returns its folder. */
function keepOwnBinaries(all: string): string {
  const own = join(all, "linux", process.arch);
  const kept = join(all, "../kept");
  renameSync(own, kept);
  rmSync(all, { recursive: true });
  mkdirSync(dirname(own), { recursive: true });
  renameSync(kept, own);
  return own;
}
