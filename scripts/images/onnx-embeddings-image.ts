// The image onnx-embeddings:cpu of examples/onnx-embeddings.

import { join } from "node:path";
import type Docker from "dockerode";
import { repositoryRoot } from "../lib/repository.ts";
import { type BuiltImage, ensureExampleImage, stagingFiles } from "./example-image.ts";
import { onnxEmbeddingsFiles, stageOnnxEmbeddings } from "./stage-onnx-embeddings.ts";

export const ONNX_EMBEDDINGS_IMAGE = "onnx-embeddings:cpu";

/** Makes sure that the image exists and is current. */
export function ensureOnnxEmbeddingsImage(docker?: Docker): Promise<BuiltImage> {
  const source = join(repositoryRoot, "examples/onnx-embeddings/server");
  const more = ["package-lock.json", "Dockerfile"].map((name) => join(source, name));
  const files = [...onnxEmbeddingsFiles(source), ...more, ...stagingFiles("stage-onnx-embeddings.ts")];
  const example = { label: "onnx-embeddings", source, files, stage: stageOnnxEmbeddings };
  return ensureExampleImage({ image: ONNX_EMBEDDINGS_IMAGE, ...example }, docker);
}
