// Where downloaded models are kept: whole files only, each checked again before it is used.

import { existsSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeScratchFolder } from "../lib/scratch-folder.ts";
import { sha256File } from "../lib/sha256-file.ts";

/** $OZWALD_CACHE, else /var/cache/ozwald for root and the user's own cache folder for others; always with /models. */
export function modelCacheFolder(
  environment: NodeJS.ProcessEnv = process.env,
  isRoot = process.getuid?.() === 0,
): string {
  const own = environment["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const base = environment["OZWALD_CACHE"] ?? (isRoot ? "/var/cache/ozwald" : join(own, "ozwald"));
  return join(base, "models");
}

/** True when the file is there and has this checksum; a file with another one is removed. */
export async function hasCached(path: string, sha256: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  if ((await sha256File(path)) === sha256) return true;
  rmSync(path);
  return false;
}

/** Gives `work` a folder beside the cache's files; what it returns (a path in there) becomes `target` in one step. */
export async function addToCache(
  target: string,
  cache: string,
  work: (folder: string) => Promise<string>,
): Promise<void> {
  const folder = makeScratchFolder(cache, ".partial-");
  try {
    renameSync(await work(folder), target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
