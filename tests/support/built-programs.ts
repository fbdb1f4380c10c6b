// Which programs a test of the whole runs: the built ones when they are newer than every source (or OZWALD_TEST_FROM=dist asks for them),
// else the sources themselves.
import { existsSync, globSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type Program, programArgv } from "./programs.ts";

const root = resolve(import.meta.dirname, "../..");

/** Command line that runs a program; arguments follow. */
export function testedProgram(program: Program): string[] {
  if (process.env["OZWALD_TEST_FROM"] !== "dist" && !builtIsCurrent()) process.env["OZWALD_FROM_SOURCE"] ??= "1";
  return programArgv(program);
}

function builtIsCurrent(): boolean {
  const built = resolve(root, "dist/ozwald");
  if (!existsSync(built)) return false;
  const { mtimeMs } = statSync(built);
  const sources = globSync("{core,agent,controlplane,cli,proto}/**/*.ts", { cwd: root });
  return sources.every((path) => path.endsWith(".test.ts") || statSync(resolve(root, path)).mtimeMs <= mtimeMs);
}
