// Where the programs under test are: the built ones, or the sources when OZWALD_FROM_SOURCE=1 says so (for a quick look while working).
import { existsSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

const sources = {
  ozctl: "cli/ozctl.ts",
  "ozwald-agent": "agent/ozwald-agent.ts",
  "ozwald-controlplane": "controlplane/ozwald-controlplane.ts",
} as const;

export type Program = keyof typeof sources;

/** Command line that runs a program; arguments follow. Throws when it is not built. */
export function programArgv(program: Program): string[] {
  if (process.env["OZWALD_FROM_SOURCE"] === "1") return [process.execPath, resolve(root, sources[program])];
  const built = resolve(root, "dist/bin", program);
  if (!existsSync(built)) throw new Error(`${built} does not exist. Build it: npm run build`);
  return [built];
}
