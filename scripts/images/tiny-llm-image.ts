// The image tiny-llm:cpu, which the quickstart and some examples run.

import { join } from "node:path";
import type Docker from "dockerode";
import { repositoryRoot } from "../lib/repository.ts";
import { type BuiltImage, ensureExampleImage, stagingFiles } from "./example-image.ts";
import { sourceFiles } from "./stage-node.ts";
import { stageTinyLlm } from "./stage-tiny-llm.ts";

export const TINY_LLM_IMAGE = "tiny-llm:cpu";
export const EXAMPLE_LABEL = "ozwald.example=tiny-llm";

/** Makes sure that the image exists and is current. */
export function ensureTinyLlmImage(docker?: Docker): Promise<BuiltImage> {
  const source = join(repositoryRoot, "examples/quickstart/tiny-llm");
  const locks = ["package-lock.json", "native/package.json", "native/package-lock.json", "Dockerfile"];
  const files = [...sourceFiles(source), ...locks].map((name) => join(source, name));
  const all = [...files, ...stagingFiles("stage-tiny-llm.ts")];
  return ensureExampleImage(
    { image: TINY_LLM_IMAGE, label: "tiny-llm", source, files: all, stage: stageTinyLlm },
    docker,
  );
}
