// The rules of the house as one function over files: path → text in, violations out. It reads no disk, so that tests can plant mistakes.
import { lineCount, lineOf, scanSource, type Source, topLevelAwaits } from "./source-scan.ts";

export type Violation = {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
};

const programs = ["agent", "controlplane", "gateway", "cli"];

/** Which areas an area may import from, itself included. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  proto: ["proto"],
  core: ["core", "proto"],
  agent: ["agent", "core", "proto"],
  controlplane: ["controlplane", "core", "proto"],
  gateway: ["gateway", "core", "proto"],
  cli: ["cli", "core", "proto"],
  scripts: ["scripts", "core", "proto"],
  tests: [...programs, "tests", "scripts", "core", "proto"],
};

/** Synchronous pure functions of (desired, observed, now, ids). */
const pureFolders = ["agent/plan/", "controlplane/schedule/"];

/** Files of core that touch the machine: the clock, and the handshake with a control plane. Nothing pure imports them. */
const touchesMachine = ["core/system-clock.ts", "core/tls-look.ts"];
/** Files of core that may import from Node: the hash takes only bytes and gives only bytes. */
const usesNode = [...touchesMachine, "core/spec-hash.ts"];

const forbiddenNames = /(^|[/-])(utils?|helpers?|types|managers?|misc|common|stuff)(-|\.|\/|$)/;
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/;
const maxLines = 300;
/** Tests hold tables and scenes; splitting them further helps nobody. */
const maxTestLines = 600;

/** Any use of a global, called or not; keys and members of the same name are something else. */
function global(names: string): RegExp {
  return new RegExp(`(?<![.\\w])(${names})\\b(?!\\s*\\??\\s*:)`, "g");
}

const effects: readonly (readonly [RegExp, string])[] = [
  [global("Date|performance"), "the time comes in as an argument"],
  // Math is only ever written with the member that is used: taken apart it could be random.
  [/(?<![.\w])Math\b(?!\s*\.\s*(?!random\b)\w)/g, "Math.random: randomness comes in as an argument"],
  [global("process"), "process: configuration comes in as an argument"],
  [global("setTimeout|setInterval|setImmediate|queueMicrotask"), "timer: take a Clock"],
  [/\bAbortSignal\s*\.\s*timeout\b/g, "timer: take a Clock"],
  [global("fetch|require|globalThis|global|console|crypto"), "no effects"],
];

const asynchrony: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w])(async|await|Promise)\b/g, "plans are made synchronously"],
];

/** What a program that is packed into one executable must not do. */
const packing: readonly (readonly [RegExp, string])[] = [
  [/\bimport\s*\.\s*meta\b/g, "import.meta does not exist in the executable"],
  [/\bnew\s+Worker\s*\(/g, "a worker needs a file, and the executable has none"],
  [/\b__(dirname|filename)\b/g, "there are no files beside the executable"],
  [/\bpino\s*\.\s*transport\b|\btransport\s*:\s*\{\s*target\b/g, "pino transports are workers"],
];

/** Every violation of the tree, in the order of the files. */
export function checkArchitecture(files: ReadonlyMap<string, string>): Violation[] {
  const sources = [...files].filter(([path]) => path.endsWith(".ts")).map(([path, text]) => scanSource(path, text));
  return [...sources.flatMap((source) => checkSource(source, files)), ...checkCycles(sources)];
}

/** Violations of one file; files is the tree around it. */
export function checkFile(path: string, text: string, files: ReadonlyMap<string, string>): Violation[] {
  return checkSource(scanSource(path, text), files);
}

function checkSource(source: Source, files: ReadonlyMap<string, string>): Violation[] {
  if (source.path.startsWith("proto/gen/")) return [];
  return [...checkName(source), ...checkSize(source), ...checkImports(source, files), ...checkEffects(source)];
}

/** The file an import means, or undefined for a package. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith("#core/")) return `core/${specifier.slice(6)}`;
  if (specifier.startsWith("#proto/")) return `proto/gen/ozwald/v1/${specifier.slice(7)}`;
  if (!specifier.startsWith(".")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function checkName({ path, text }: Source): Violation[] {
  const name = path.split("/").at(-1) ?? "";
  const found: Violation[] = [];
  if (!kebabCase.test(name)) found.push({ rule: "names", path, line: 1, message: "file names are kebab-case" });
  if (forbiddenNames.test(path.replace(/(\.test)?\.ts$/, "")))
    found.push({ rule: "names", path, line: 1, message: "name it after what it holds" });
  if (!isTest(path) && !/^(#!.*\n)?\/\//.test(text))
    found.push({ rule: "opening", path, line: 1, message: "a file opens with a comment that says what it owns" });
  return found;
}

function checkSize({ path, text }: Source): Violation[] {
  const lines = lineCount(text);
  const most = isTest(path) ? maxTestLines : maxLines;
  return lines > most ? [{ rule: "size", path, line: lines, message: `${lines} lines, at most ${most}` }] : [];
}

function checkImports({ path, imports }: Source, files: ReadonlyMap<string, string>): Violation[] {
  const area = areaOf(path);
  return imports.flatMap(({ specifier, line }) => {
    const wrong = (message: string): Violation[] => [
      { rule: "imports", path, line, message: `${specifier}: ${message}` },
    ];
    const target = resolveImport(path, specifier);
    if (target === undefined) return packageProblem(path, specifier).flatMap(wrong);
    const to = areaOf(target);
    if (!(mayImport[area] ?? []).includes(to)) return wrong(`${area} may not import ${to}`);
    // Data files are not in the tree of sources; the compiler finds those that are missing.
    if (!files.has(target) && !target.endsWith(".json")) return wrong("there is no such file");
    if (to !== area && area !== "tests" && specifier.startsWith(".")) return wrong(`use #${to}/ across folders`);
    if (!isPure(path)) return [];
    const folder = pureFolders.find((each) => path.startsWith(each));
    if (folder !== undefined && to === area && !target.startsWith(folder))
      return wrong("a pure folder imports core, proto and itself");
    return touchesMachine.includes(target)
      ? wrong("it touches the machine: what it gives comes in as an argument")
      : [];
  });
}

function packageProblem(path: string, specifier: string): string[] {
  if (isTest(path)) return [];
  const pure = pureFolders.some((folder) => path.startsWith(folder));
  if (pure && !specifier.startsWith("@bufbuild/protobuf")) return ["a pure folder imports core, proto and itself"];
  if (path.startsWith("core/") && !usesNode.includes(path) && specifier.startsWith("node:"))
    return ["core touches no machine"];
  if (specifier === "node:worker_threads" && programs.includes(areaOf(path)))
    return ["a worker needs a file, and the executable has none"];
  return [];
}

function checkEffects({ path, code, withoutComments }: Source): Violation[] {
  if (isTest(path)) return [];
  const area = areaOf(path);
  const pureFolder = pureFolders.some((folder) => path.startsWith(folder));
  const packed = area === "core" || programs.includes(area);
  const report = (rule: string, patterns: readonly (readonly [RegExp, string])[], text: string) =>
    patterns.flatMap(([pattern, message]) =>
      [...text.matchAll(pattern)].map(({ index }) => ({ rule, path, line: lineOf(text, index), message })),
    );
  return [
    ...(isPure(path) ? report("purity", effects, code) : []),
    ...(pureFolder ? report("purity", asynchrony, code) : []),
    ...(packed ? report("packing", packing, withoutComments) : []),
    ...(packed
      ? topLevelAwaits(code).map((index) => ({
          rule: "packing",
          path,
          line: lineOf(code, index),
          message: "no await outside of functions",
        }))
      : []),
  ];
}

/** Cycles of imports that exist at run time, each reported once. */
function checkCycles(sources: readonly Source[]): Violation[] {
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter((i) => !i.typeOnly).flatMap(({ specifier }) => resolveImport(path, specifier) ?? []),
    ]),
  );
  const state = new Map<string, "open" | "done">();
  const found: Violation[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      const cycle = [...trail.slice(trail.indexOf(path)), path];
      found.push({ rule: "cycles", path, line: 1, message: cycle.join(" → ") });
      return;
    }
    state.set(path, "open");
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

/** Words of one engine that a spec on the wire must not know. */
const engineWords = /\b(docker\w*|moby|podman|containerd|dockerd|runc|nerdctl|swarm|container[ _]?ids?)\b/gi;

/** Engine words in a wire spec, comments included: what is written there is the contract. */
export function checkWireSpec(path: string, text: string): Violation[] {
  return [...text.matchAll(engineWords)].map(({ 0: word, index }) => ({
    rule: "wire",
    path,
    line: lineOf(text, index),
    message: `"${word}" is a word of one engine`,
  }));
}

export type SizeReport = {
  readonly files: number;
  readonly median: number;
  readonly p90: number;
  readonly largest: readonly { path: string; lines: number }[];
};

/** Sizes of hand-written program files in lines. */
export function sizeReport(files: ReadonlyMap<string, string>): SizeReport {
  const sizes = [...files]
    .filter(([path]) => !path.startsWith("proto/gen/") && !path.startsWith("tests/") && !isTest(path))
    .map(([path, text]) => ({ path, lines: lineCount(text) }))
    .toSorted((a, b) => a.lines - b.lines);
  const at = (share: number) => sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * share))]?.lines ?? 0;
  return { files: sizes.length, median: at(0.5), p90: at(0.9), largest: sizes.slice(-5).toReversed() };
}

/** A planner, or a file of core that touches no machine. */
function isPure(path: string): boolean {
  if (isTest(path)) return false;
  return pureFolders.some((folder) => path.startsWith(folder)) || (areaOf(path) === "core" && !usesNode.includes(path));
}

function areaOf(path: string): string {
  return path.split("/")[0] ?? "";
}

function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.includes("/testing/") || path.startsWith("tests/");
}
