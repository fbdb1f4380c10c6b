// Makes `ozctl` a word of the shell, where that takes nothing from anybody.

import { lstatSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { recordMade } from "./made.ts";
import { type Places, program } from "./places.ts";

const FOLDER = "/usr/local/bin";

/** Returns what a person types to run ozctl: "ozctl", else its path from here. */
export function ensureCommandLink(places: Places, environment: NodeJS.ProcessEnv, folder = FOLDER): string {
  const link = join(folder, "ozctl");
  const path = `./${relative(process.cwd(), program("ozctl"))}`;
  const onPath = (environment["PATH"] ?? "").split(":").includes(folder);
  if (!onPath || process.getuid?.() !== 0) return path;
  const target = linkTarget(link);
  if (target === program("ozctl")) return "ozctl";
  if (target !== undefined) return path;
  recordMade(places.made, { link });
  symlinkSync(program("ozctl"), link);
  return "ozctl";
}

/** Removes the link if it is still ours. */
export function removeCommandLink(link: string): boolean {
  if (linkTarget(link) !== program("ozctl")) return false;
  rmSync(link);
  return true;
}

/** Where it points; "" for something that is no link, undefined for nothing there. */
function linkTarget(link: string): string | undefined {
  const found = lstatSync(link, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  return found.isSymbolicLink() ? readlinkSync(link) : "";
}
