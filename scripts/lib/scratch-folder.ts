// Folders for work in progress, named after the process that owns them, so that what a killed one left is removed by the next.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A new folder `PREFIX<pid>-xxxxxx` in `parent`; removes those of processes that are gone. */
export function makeScratchFolder(parent: string, prefix: string): string {
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  for (const name of readdirSync(parent).filter((one) => one.startsWith(prefix))) {
    const owner = /^(\d+)-/.exec(name.slice(prefix.length))?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `${prefix}${process.pid}-`));
}
