// Better-sqlite3's addon where there is no node_modules: a single executable carries it as an asset, and dlopen wants a file.
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { getRawAsset, isSea } from "node:sea";
import { constants } from "node:os";
import { OzError } from "#core/errors.ts";
import { privateDirectory, writeDurably } from "./durable-file.ts";

/** Name of the asset. */
export const sqliteAsset = "better_sqlite3.node";

/**
 * Puts the addon into a private directory and loads it. Returns undefined outside a single executable, where better-sqlite3 finds its
 * own. assetDir: below the state directory, never a shared one: whoever can write there runs code as us.
 */
export function loadSqliteAddon(assetDir: string): object | undefined {
  if (!isSea()) return undefined;
  return loadAddon(placeAddon(assetDir, new Uint8Array(getRawAsset(sqliteAsset) as ArrayBuffer)));
}

/** Writes the addon under the name of its own hash; a file of that name with other content is replaced. Returns the path. */
export function placeAddon(assetDir: string, content: Uint8Array): string {
  privateDirectory(assetDir);
  const directory = lstatSync(assetDir);
  if (!directory.isDirectory() || directory.uid !== process.geteuid?.()) {
    throw new OzError("precondition", `${assetDir} does not belong to the user that runs this program`, {
      hint: `Remove it, or give it to this user: chown ${process.geteuid?.()} ${assetDir}`,
    });
  }
  chmodSync(assetDir, 0o700);
  const hash = sha256(content);
  const path = join(assetDir, `better_sqlite3-${hash.slice(0, 32)}.node`);
  if (hashOf(path) !== hash) writeDurably(path, content, 0o700);
  return path;
}

/** Loads an addon into this process. */
export function loadAddon(path: string): object {
  const target: { exports: object } = { exports: {} };
  process.dlopen(target, path, constants.dlopen.RTLD_NOW);
  return target.exports;
}

function hashOf(path: string): string | undefined {
  try {
    return lstatSync(path).isFile() ? sha256(readFileSync(path)) : undefined;
  } catch {
    return undefined; // not there, or not readable: it is written anew
  }
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
