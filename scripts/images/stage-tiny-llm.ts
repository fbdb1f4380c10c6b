// Lays out the file system of the tiny-llm image: Node, its libraries, llama.cpp's CPU build, the server's sources.

import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand, tryCommand } from "../lib/run-command.ts";
import { sharedLibrariesOf } from "./shared-libraries.ts";

/** Sources and templates for compiling llama.cpp; the release note next to them is read at start. */
const NOT_NEEDED = [
  "bins",
  "templates",
  "llama/addon",
  "llama/cmake",
  "llama/toolchains",
  "llama/xpack",
  "llama/gitRelease.bundle",
];
/** Documentation and declarations. */
const NOT_NEEDED_FILES = /\.(d\.ts|d\.cts|d\.mts|map|md|markdown|flow)$/;

export type StageOptions = {
  /** examples/quickstart/tiny-llm. */
  source: string;
  /** An empty folder; afterwards it is a complete build context. */
  stage: string;
  /** Node ≥ 24, dynamically linked against glibc. */
  node: string;
};

/** Installs, copies and prunes. Needs npm and the registry (or npm's cache). */
export async function stageTinyLlm(options: StageOptions): Promise<void> {
  const { source, stage } = options;
  const root = join(stage, "root");
  const app = join(root, "app");
  mkdirSync(app, { recursive: true });
  copyFileSync(join(source, "Dockerfile"), join(stage, "Dockerfile"));
  for (const name of sourceFiles(source)) copyFileSync(join(source, name), join(app, name));
  await installPackages(source, stage, app);
  prune(join(app, "node_modules"));
  await placeNode(options.node, root);
  const bins = join(app, "node_modules/@node-llama-cpp", `linux-${process.arch}`, "bins", `linux-${process.arch}`);
  const native = readdirSync(bins).filter((name) => /\.(node|so)$/.test(name));
  const programs = [join(root, "bin/node"), ...native.map((name) => join(bins, name))];
  for (const library of await sharedLibrariesOf(programs, stage)) copyTo(realpathSync(library), join(root, library));
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), "tiny:x:1000:1000:tiny:/tmp:/bin/false\n");
  mkdirSync(join(root, "models"));
  mkdirSync(join(root, "tmp"));
  chmodSync(join(root, "tmp"), 0o1777);
}

/** The server's own files, in order; tests and declarations stay outside the image. */
export function sourceFiles(source: string): string[] {
  const own = (name: string): boolean => name.endsWith(".ts") && !/\.(test|d)\.ts$/.test(name);
  return [...readdirSync(source).filter(own), "package.json"].sort();
}

async function installPackages(source: string, stage: string, app: string): Promise<void> {
  const npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  copyFileSync(join(source, "package-lock.json"), join(app, "package-lock.json"));
  await runCommand("npm", [...npm, "--omit=optional"], { cwd: app });
  const native = join(stage, "native");
  mkdirSync(native);
  for (const name of ["package.json", "package-lock.json"])
    copyFileSync(join(source, "native", name), join(native, name));
  await runCommand("npm", npm, { cwd: native });
  const name = `@node-llama-cpp/linux-${process.arch}`;
  cpSync(join(native, "node_modules", name), join(app, "node_modules", name), { recursive: true });
  rmSync(native, { recursive: true });
  rmSync(join(app, "package-lock.json"));
}

function prune(modules: string): void {
  for (const name of NOT_NEEDED) rmSync(join(modules, "node-llama-cpp", name), { recursive: true, force: true });
  for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && NOT_NEEDED_FILES.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
  }
  rmSync(join(modules, ".bin"), { recursive: true, force: true });
}

/** Without its symbols Node is a fifth smaller; a machine without `strip` gets it as it is. */
async function placeNode(node: string, root: string): Promise<void> {
  const target = join(root, "bin/node");
  copyTo(node, target);
  await tryCommand("strip", ["--strip-unneeded", target], { timeoutMs: 60_000 });
  chmodSync(target, 0o755);
}

function copyTo(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
