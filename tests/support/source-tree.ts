// The source files of a checkout, as the architecture rules see them.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** Folders with code of ours. Generated code is read too, because others import it. */
export const sourceFolders = [
  "proto/gen",
  "core",
  "agent",
  "controlplane",
  "gateway",
  "cli",
  "scripts",
  "tests",
] as const;

const skipped = new Set(["node_modules", "fixtures", "dist"]);

/** Path → text of every TypeScript file, paths relative to the root with forward slashes. */
export function readSourceTree(root: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of sourceFolders) collect(root, join(root, folder), files);
  return files;
}

function collect(root: string, folder: string, files: Map<string, string>): void {
  for (const entry of readFolder(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !skipped.has(entry.name) && !entry.name.startsWith(".")) collect(root, path, files);
    else if (entry.isFile() && entry.name.endsWith(".ts"))
      files.set(relative(root, path).replaceAll("\\", "/"), readFileSync(path, "utf8"));
  }
}

function readFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
