// The record of what the quickstart made outside its own folder. Written before a thing is made: a kill in between loses nothing.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export type Made = {
  /** Label of every container, network and volume of this cluster. */
  cluster?: string;
  tlsPort?: number;
  restPort?: number;
  /** OZWALD_CONFIG_DIR of this quickstart; empty for the user's own. */
  configFolder?: string;
  /** Link to ozctl on the PATH. */
  link?: string;
  /** Folder whose model.gguf was placed. */
  modelFolder?: string;
  /** Files added to the model cache. */
  cached?: string[];
  /** The engine's process, when scripts/quickstart started one without a service manager. */
  enginePid?: number;
};

export function readMade(path: string): Made {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Made) : {};
}

/** Adds to the record; on disk when it returns. */
export function recordMade(path: string, more: Made): Made {
  const made = { ...readMade(path), ...more };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  return made;
}
