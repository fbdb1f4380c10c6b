// What every image without a base has: Node, the system libraries its programs need, a user, a place for temporary files.

import { chmodSync, copyFileSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand, tryCommand } from "../lib/run-command.ts";
import { sharedLibrariesOf } from "./shared-libraries.ts";

/** Documentation and declarations. */
const NOT_NEEDED_FILES = /\.(d\.ts|d\.cts|d\.mts|map|md|markdown|flow)$/;

export type StageOptions = {
  /** Folder of the server. */
  source: string;
  /** An empty folder; afterwards it is a complete build context. */
  stage: string;
  /** Node ≥ 24, dynamically linked against glibc. */
  node: string;
};

/** Puts Node and the libraries of Node and of `native` into root/. Call it last: `native` lies in there already. */
export async function stageNode({ stage, node }: StageOptions, native: readonly string[]): Promise<void> {
  const root = join(stage, "root");
  const target = join(root, "bin/node");
  copyTo(node, target);
  // Without its symbols Node is a fifth smaller; a machine without `strip` gets it as it is.
  await tryCommand("strip", ["--strip-unneeded", target], { timeoutMs: 60_000 });
  chmodSync(target, 0o755);
  for (const library of await sharedLibrariesOf([target, ...native], stage)) {
    copyTo(realpathSync(library), join(root, library));
  }
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), "tiny:x:1000:1000:tiny:/tmp:/bin/false\n");
  mkdirSync(join(root, "models"));
  mkdirSync(join(root, "tmp"));
  chmodSync(join(root, "tmp"), 0o1777);
}

/** Installs what the lock file in `folder` says; no script of a package runs. Needs npm and the registry (or npm's cache). */
export async function installLocked(folder: string, ...flags: string[]): Promise<void> {
  const npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await runCommand("npm", [...npm, ...flags], { cwd: folder });
}

/** Removes `names` below node_modules, and what only people and compilers read. */
export function pruneModules(modules: string, names: readonly string[]): void {
  for (const name of names) rmSync(join(modules, name), { recursive: true, force: true });
  for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && NOT_NEEDED_FILES.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
  }
  rmSync(join(modules, ".bin"), { recursive: true, force: true });
}

/** A server's own files, in order; tests and declarations stay outside the image. */
export function sourceFiles(source: string): string[] {
  const own = (name: string): boolean => name.endsWith(".ts") && !/\.(test|d)\.ts$/.test(name);
  return [...readdirSync(source).filter(own), "package.json"].sort();
}

function copyTo(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
