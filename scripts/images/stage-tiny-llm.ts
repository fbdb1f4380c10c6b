// Lays out the file system of the tiny-llm image: Node, its libraries, llama.cpp's CPU build, the server's sources.

import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { installLocked, pruneModules, sourceFiles, stageNode } from "./stage-node.ts";
import type { StageOptions } from "./stage-node.ts";

/** Sources and templates for compiling llama.cpp; the release note next to them is read at start. */
const NOT_NEEDED = [
  "bins",
  "templates",
  "llama/addon",
  "llama/cmake",
  "llama/toolchains",
  "llama/xpack",
  "llama/gitRelease.bundle",
].map((name) => join("node-llama-cpp", name));

/** Installs, copies and prunes. */
export async function stageTinyLlm(options: StageOptions): Promise<void> {
  const { source, stage } = options;
  const app = join(stage, "root/app");
  mkdirSync(app, { recursive: true });
  copyFileSync(join(source, "Dockerfile"), join(stage, "Dockerfile"));
  for (const name of sourceFiles(source)) copyFileSync(join(source, name), join(app, name));
  await installPackages(source, stage, app);
  pruneModules(join(app, "node_modules"), NOT_NEEDED);
  const bins = join(app, "node_modules/@node-llama-cpp", `linux-${process.arch}`, "bins", `linux-${process.arch}`);
  const native = readdirSync(bins).filter((name) => /\.(node|so)$/.test(name));
  await stageNode(
    options,
    native.map((name) => join(bins, name)),
  );
}

async function installPackages(source: string, stage: string, app: string): Promise<void> {
  copyFileSync(join(source, "package-lock.json"), join(app, "package-lock.json"));
  await installLocked(app, "--omit=optional");
  const native = join(stage, "native");
  mkdirSync(native);
  for (const name of ["package.json", "package-lock.json"])
    copyFileSync(join(source, "native", name), join(native, name));
  await installLocked(native);
  const name = `@node-llama-cpp/linux-${process.arch}`;
  cpSync(join(native, "node_modules", name), join(app, "node_modules", name), { recursive: true });
  rmSync(native, { recursive: true });
  rmSync(join(app, "package-lock.json"));
}
