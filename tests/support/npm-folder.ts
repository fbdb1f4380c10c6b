// Packages of npm that only a test needs: a folder with its own lockfile, installed once per lockfile and kept in .cache.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { mustRun } from "./run-command.ts";

const cache = resolve(import.meta.dirname, "../../.cache");

/** Path of a folder whose node_modules are those of from/package-lock.json. Needs a registry the first time. */
export async function npmFolder(from: string): Promise<string> {
  const lock = await readFile(join(from, "package-lock.json"));
  const folder = join(cache, `npm-${createHash("sha256").update(lock).digest("hex").slice(0, 12)}`);
  const complete = join(folder, "complete");
  if (existsSync(complete)) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) await copyFile(join(from, name), join(folder, name));
  await mustRun(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd: folder,
    timeoutMs: 170_000,
  });
  await writeFile(complete, "");
  return folder;
}
