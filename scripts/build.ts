// Builds dist/ozwald, one executable with several names: bundles, code caches, and a Node from the lockfile as the base.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import path from "node:path";
import vm from "node:vm";
import Module from "node:module";
import { gzipSync } from "node:zlib";
import { build, type BuildOptions, type Plugin, transform } from "esbuild";
import { notices } from "./notices.ts";
import { oldestNode, packOzctl, placePackage } from "./npm-package.ts";

const root = path.resolve(import.meta.dirname, "..");
const work = path.join(root, "dist", "work");
const names = {
  cli: "ozctl",
  agent: "ozwald-agent",
  controlplane: "ozwald-controlplane",
  original: "ozwald",
} as const;
/** The command of the original lives beside ozctl, whose client it uses. */
const entryFolders: Partial<Record<string, string>> = { original: "cli" };
const architecture = process.arch === "arm64" ? "arm64" : "x64";
const require = createRequire(import.meta.url);

/**
 * Stacks name our functions and classes; those of libraries are short letters. A kept name costs V8 a table of its own per function:
 * all of them were 3 MiB of an idle control plane.
 */
const ownNames: Plugin = {
  name: "own-names",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      if (file.includes("node_modules")) return undefined;
      const source = readFileSync(file, "utf8");
      const { code } = await transform(source, { loader: "ts", keepNames: true, target: "node24", sourcefile: file });
      return { contents: code, loader: "js" };
    });
  },
};

/** Answers what went into it: paths of files. */
async function bundle(
  entry: string,
  outfile: string,
  other: Pick<BuildOptions, "target" | "inject"> = {},
): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [path.join(root, entry)],
    outfile,
    bundle: true,
    minify: true,
    plugins: [ownNames],
    platform: "node",
    target: "node24",
    format: "cjs",
    // import() of what is bundled or built in becomes require: the executable has no loader for it.
    supported: { "dynamic-import": false },
    alias: {
      ssh2: path.join(root, "packaging", "no-ssh2.cjs"),
      "@grpc/proto-loader": path.join(root, "packaging", "no-proto-loader.cjs"),
      protobufjs: path.join(root, "packaging", "no-protobufjs.cjs"),
      "tar-fs": path.join(root, "packaging", "no-tar-fs.cjs"),
    },
    define: { OZWALD_COMMIT: JSON.stringify(commitId()), OZWALD_PROTO: JSON.stringify(protoHash()) },
    logLevel: "warning",
    ...other,
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

/** The package of ozctl for machines that run any Node. */
async function npmPackage(): Promise<string> {
  const file = path.join(work, "ozctl.js");
  const inject = [path.join(root, "packaging", "ozctl", "es2024.cjs")];
  const inputs = await bundle("cli/ozctl.ts", file, { target: `node${oldestNode}`, inject });
  return packOzctl(work, file, notices(inputs, []));
}

function commitId(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short=12", "HEAD"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}

/** Of the contract as the compiler sees it: comments and order of files do not count. */
function protoHash(): string {
  const buf = path.join(root, "node_modules", ".bin", "buf");
  const descriptors = execFileSync(buf, ["build", "proto", "--exclude-source-info", "-o", "-"], { cwd: root });
  return createHash("sha256").update(descriptors).digest("hex").slice(0, 12);
}

/** Wraps a bundle as Node wraps modules, and writes its compiled form, made by the same Node that will run it. */
function compile(program: string): void {
  const file = path.join(work, `${program}.js`);
  const wrapped = Module.wrap(asciiOnly(readFileSync(file, "utf8")));
  writeFileSync(file, wrapped);
  const script = new vm.Script(wrapped, { filename: `${program}.js` });
  writeFileSync(path.join(work, `${program}.cache`), script.createCachedData());
}

/** One letter beyond ASCII (esbuild leaves those in patterns) would make V8 keep the whole text in two bytes a letter. */
function asciiOnly(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Node of the lockfile without its symbols: 18 MB less. Without `strip` on the machine it stays as it is. */
function baseBinary(): string {
  const source = path.join(root, "node_modules", `node-linux-${architecture}`, "bin", "node");
  const stripped = path.join(work, "node");
  copyFileSync(source, stripped);
  chmodSync(stripped, 0o755);
  if (!strip(stripped))
    process.stderr.write("strip is not installed: the executable will be 18 MB larger (apt-get install binutils)\n");
  return stripped;
}

function strip(file: string): boolean {
  try {
    execFileSync("strip", [file], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function makeExecutable(base: string, ozctlPackage: string): Promise<string> {
  const output = path.join(work, "ozwald");
  const assets: Record<string, string> = {
    "better_sqlite3.node": sqliteAddon(),
    "install.sh": path.join(root, "packaging", "install.sh"),
    "ozctl.tgz": ozctlPackage,
    "notices.gz": path.join(work, "notices.gz"),
  };
  for (const program of Object.keys(names)) {
    assets[`${program}.js`] = path.join(work, `${program}.js`);
    assets[`${program}.cache`] = path.join(work, `${program}.cache`);
  }
  const sea = (require("@yao-pkg/pkg/lib-es5/sea.js") as { default: (entry: string, options: object) => Promise<void> })
    .default;
  await sea(path.join(work, "multicall.js"), {
    targets: [{ nodeRange: "node24", platform: "linux", arch: architecture, output }],
    signature: false,
    nodePath: base,
    seaConfig: { disableExperimentalSEAWarning: true, useCodeCache: true, execArgvExtension: "none", assets },
  });
  return output;
}

function sqliteAddon(): string {
  const addon = path.join(root, "node_modules", "better-sqlite3", "prebuilds", `linux-${architecture}.node`);
  if (!existsSync(addon)) throw new Error(`better-sqlite3 brings no addon for linux-${architecture}: ${addon}`);
  const stripped = path.join(work, "better_sqlite3.node");
  copyFileSync(addon, stripped);
  strip(stripped);
  return stripped;
}

function linkNames(): void {
  const bin = path.join(root, "dist", "bin");
  mkdirSync(bin, { recursive: true });
  for (const name of Object.values(names)) {
    rmSync(path.join(bin, name), { force: true });
    symlinkSync("../ozwald", path.join(bin, name));
  }
}

async function main(): Promise<void> {
  const began = Date.now();
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const [ozctlPackage, ...inputs] = await Promise.all([
    npmPackage(),
    bundle("packaging/multicall.ts", path.join(work, "multicall.js")),
    ...Object.entries(names).map(([program, name]) =>
      bundle(`${entryFolders[program] ?? program}/${name}.ts`, path.join(work, `${program}.js`)),
    ),
  ]);
  const carried = [`node-linux-${architecture}`, "better-sqlite3"];
  writeFileSync(path.join(work, "notices.gz"), gzipSync(notices(inputs.flat(), carried)));
  for (const program of Object.keys(names)) compile(program);
  const made = await makeExecutable(baseBinary(), ozctlPackage);
  renameSync(made, path.join(root, "dist", "ozwald"));
  placePackage(ozctlPackage, path.join(root, "dist"));
  linkNames();
  const megabytes = statSync(path.join(root, "dist", "ozwald")).size / 1e6;
  rmSync(work, { recursive: true, force: true });
  process.stdout.write(
    `dist/${path.basename(ozctlPackage)}\ndist/ozwald ${megabytes.toFixed(1)} MB in ${((Date.now() - began) / 1000).toFixed(1)} s: ${Object.values(names).join(", ")}\n`,
  );
}

await main();
