// Puts a found model where containers may read it: one file in one folder that is mounted read-only.

import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { sha256File } from "../lib/sha256-file.ts";
import type { FoundModel } from "./fetch-model.ts";

/** Where examples/quickstart/ozwald.yml looks for it. */
export const MODEL_FOLDER = "/var/lib/ozwald/models";

/** Returns true when something changed. The folder's `model.gguf` is replaced in one step. */
export async function placeModel(model: FoundModel, folder: string = MODEL_FOLDER): Promise<boolean> {
  const target = join(folder, "model.gguf");
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (existsSync(target) && statSync(target).size === model.bytes && (await sha256File(target)) === model.sha256)
    return false;
  const fresh = `${target}.new`;
  rmSync(fresh, { force: true });
  if (!(model.origin !== "file" && linked(model.path, fresh)))
    copyFileSync(model.path, fresh, constants.COPYFILE_FICLONE);
  // Containers read it as another user.
  chmodSync(fresh, 0o644);
  renameSync(fresh, target);
  return true;
}

/** A second name for a file of our cache costs no space; over a border of file systems it is not possible. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false;
  }
}
