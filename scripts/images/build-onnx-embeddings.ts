// Command: npm run example:onnx-embeddings [-- --models FOLDER] [-- --no-install]
// Builds the image of examples/onnx-embeddings and puts its model where its settings look for it.

import { parseArgs } from "node:util";
import { mainOf } from "../lib/main-of.ts";
import { modelCacheFolder } from "../model/model-cache.ts";
import { MODEL_FOLDER } from "../model/place-model.ts";
import { placeEmbeddingModel } from "../model/embedding-model.ts";
import { saidOf } from "./example-image.ts";
import { ensureOnnxEmbeddingsImage } from "./onnx-embeddings-image.ts";

mainOf(async () => {
  const { values } = parseArgs({
    options: { models: { type: "string", default: MODEL_FOLDER }, "no-install": { type: "boolean", default: false } },
  });
  process.stdout.write(saidOf(await ensureOnnxEmbeddingsImage()));
  const options = { cache: modelCacheFolder(), mayInstall: !values["no-install"] };
  const { folder, name, bytes } = await placeEmbeddingModel(values.models, options);
  process.stdout.write(`${name}, ${Math.round(bytes / 1e6)} MB, sha256 ok, in ${folder}\n`);
});
