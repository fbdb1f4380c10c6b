// The first code in the executable: picks the program by the name it was called by and runs its bundle with its own code cache.
// One file on disk, one set of shared memory pages, several names.
import { createRequire } from "node:module";
import path from "node:path";
import sea from "node:sea";
import vm from "node:vm";

const programs: Readonly<Record<string, string>> = {
  ozctl: "cli",
  "ozwald-agent": "agent",
  "ozwald-controlplane": "controlplane",
};

/** The executable's own name is the command of the original, unless the first word is one of the programs. */
const ownName = "ozwald";

function pick(): string | undefined {
  const name = path.basename(process.argv0);
  const byName = programs[name];
  if (byName !== undefined) return byName;
  const byArgument = programs[process.argv[2] ?? ""];
  if (byArgument !== undefined) process.argv.splice(2, 1);
  return byArgument ?? (name === ownName ? "original" : undefined);
}

function run(program: string): void {
  const filename = `${program}.js`;
  // The build has wrapped it as a module already: joining the parts here would hold the text twice.
  const script = new vm.Script(sea.getAsset(filename, "utf8"), {
    filename,
    cachedData: Buffer.from(sea.getRawAsset(`${program}.cache`)),
  });
  if (process.env["OZWALD_DEBUG"] === "start")
    process.stderr.write(`code cache of ${program} ${script.cachedDataRejected === false ? "used" : "rejected"}\n`);
  const module = { exports: {} };
  const start = script.runInThisContext() as (
    exports: object,
    require: NodeJS.Require,
    module: object,
    filename: string,
    dirname: string,
  ) => void;
  start(module.exports, createRequire(process.execPath), module, filename, path.dirname(process.execPath));
}

const program = pick();
if (program === undefined) {
  process.stderr.write(`usage: ozwald ${Object.keys(programs).join("|")} …\n`);
  process.exitCode = 2;
} else run(program);
