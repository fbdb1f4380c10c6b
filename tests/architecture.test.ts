// The rules of the house, checked on the tree as it stands; and the checkers themselves, checked with planted mistakes.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkArchitecture, checkFile, checkWireSpec, sizeReport } from "./support/architecture-rules.ts";
import { scanSource, topLevelAwaits } from "./support/source-scan.ts";
import { readSourceTree } from "./support/source-tree.ts";

const root = resolve(import.meta.dirname, "..");
const tree = readSourceTree(root);
const pureFolders = ["agent/plan", "controlplane/schedule"];

/** A real file of a pure folder to plant mistakes in. */
function plannerFile(folder: string): string {
  const name = readdirSync(join(root, folder)).find((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  if (name === undefined) throw new Error(`${folder} has no source file`);
  return `${folder}/${name}`;
}

/** Rules that a change to a real file breaks and that it did not break before. */
function planted(path: string, change: (text: string) => string): string[] {
  const text = tree.get(path);
  if (text === undefined) throw new Error(`${path} does not exist`);
  const before = checkFile(path, text, tree).map((v) => v.rule + v.message);
  return checkFile(path, change(text), tree)
    .filter((v) => !before.includes(v.rule + v.message))
    .map((v) => v.rule);
}

describe("the tree", () => {
  test("keeps the rules: imports, purity, sizes, names, packing, no cycles", () => {
    expect(checkArchitecture(tree).map((v) => `${v.rule}: ${v.path}:${v.line} ${v.message}`)).toEqual([]);
  });

  test("its files are small", () => {
    const report = sizeReport(tree);
    console.log(
      `program files: ${report.files}, median ${report.median} lines, 90 % under ${report.p90}; largest ${report.largest.map((f) => `${f.path} ${f.lines}`).join(", ")}`,
    );
    expect(report.files).toBeGreaterThan(50);
    expect(report.p90).toBeLessThanOrEqual(250);
    expect(report.median).toBeLessThanOrEqual(120);
  });

  test("wire specs know no engine", () => {
    const path = "proto/ozwald/v1/spec.proto";
    const text = readFileSync(join(root, path), "utf8");
    expect(checkWireSpec(path, text)).toEqual([]);
    expect(checkWireSpec(path, `${text}\n// Docker's container id\nstring docker_network = 99;`)).toHaveLength(3);
  });
});

describe("the checker", () => {
  test.each(pureFolders)("sees effects planted in %s", (folder) => {
    const path = plannerFile(folder);
    for (const effect of [
      "Date.now()",
      "new Date()",
      "Math.random()",
      "process.env['A']",
      "setTimeout(() => {}, 1)",
      "globalThis.Date",
      "fetch('x')",
      "performance.now()",
      "`${Date.now()}`",
      "[setTimeout]",
      "((later = setInterval) => later)()",
      "Math['random']()",
      "Math",
      "globalThis",
      "process",
      "[fetch]",
      "crypto",
      "AbortSignal.timeout(1)",
    ]) {
      expect([effect, planted(path, (text) => `${text}\nexport const planted = () => ${effect};\n`)]).toEqual([
        effect,
        ["purity"],
      ]);
    }
    for (const line of [
      "const t = setTimeout;",
      "const { random } = Math;",
      "const { random: r, floor } = Math;",
      "const g = globalThis;",
      "const { now } = Date;",
      "const { env } = process;",
    ])
      expect([line, new Set(planted(path, (text) => `${text}\n${line}\n`))]).toEqual([line, new Set(["purity"])]);
    expect(planted(path, (text) => `${text}\nexport const planted = async () => 1;\n`)).toEqual(["purity"]);
    expect(planted(path, (text) => `${text}\nexport const planted = () => Promise.resolve(1);\n`)).toEqual(["purity"]);
  });

  test.each(pureFolders)("sees imports planted in %s", (folder) => {
    const path = plannerFile(folder);
    const outside = folder === "agent/plan" ? "../apply/engine.ts" : "../store/store.ts";
    for (const specifier of [
      "node:fs",
      "fs",
      "dockerode",
      outside,
      "#core/system-clock.ts",
      "#core/tls-look.ts",
      "../../cli/contexts.ts",
      "./no-such-file.ts",
    ]) {
      expect([specifier, planted(path, (text) => `import { planted } from "${specifier}";\n${text}`)]).toEqual([
        specifier,
        expect.arrayContaining(["imports"]),
      ]);
      expect([specifier, planted(path, (text) => `import type { Planted } from "${specifier}";\n${text}`)]).toEqual([
        specifier,
        expect.arrayContaining(["imports"]),
      ]);
    }
    expect(planted(path, (text) => `export { planted } from "node:os";\n${text}`)).toContain("imports");
    expect(planted(path, (text) => `${text}\nexport const planted = () => import("node:os");\n`)).toContain("imports");
  });

  test("leaves words in comments, strings and patterns alone", () => {
    for (const text of [
      "// Date.now()",
      "/* Math.random() */",
      'const a = "Date.now()";',
      "const a = 'process.env';",
      "const a = `Date.now() ${b} fetch()`;",
      "const a = /Date.now()/;",
      "type A = { Date: string; at: B.Date };",
      "type A = { setTimeout?: number; process: string; a: B.process };",
      "const a = Math.max(1, Math . floor(2.5));",
      'import { specHash as planted } from "#core/spec-hash.ts";',
    ]) {
      expect([text, planted("controlplane/schedule/place.ts", (file) => `${file}\n${text}\n`)]).toEqual([text, []]);
    }
  });

  test("keeps programs apart and core below them", () => {
    const cases: [path: string, specifier: string][] = [
      ["agent/apply/engine.ts", "../../controlplane/store/store.ts"],
      ["controlplane/world.ts", "../agent/apply/engine.ts"],
      ["core/names.ts", "../agent/apply/engine.ts"],
      ["core/names.ts", "node:os"],
      ["core/names.ts", "./tls-look.ts"],
      ["core/settings/words.ts", "../system-clock.ts"],
      ["controlplane/world.ts", "../core/names.ts"],
      ["core/names.ts", "../tests/support/source-scan.ts"],
    ];
    for (const [path, specifier] of cases)
      expect([path, specifier, planted(path, (text) => `import "${specifier}";\n${text}`)]).toEqual([
        path,
        specifier,
        expect.arrayContaining(["imports"]),
      ]);
  });

  test("sees cycles, long files, bad names, missing openings and what cannot be packed", () => {
    const cyclic = new Map([
      ["core/a.ts", '// a\nimport { b } from "./b.ts";'],
      ["core/b.ts", '// b\nimport { a } from "./a.ts";'],
    ]);
    expect(checkArchitecture(cyclic).map((v) => v.rule)).toEqual(["cycles"]);
    const typesOnly = new Map([
      ["core/a.ts", '// a\nimport type { B } from "./b.ts";'],
      ["core/b.ts", '// b\nimport { type A } from "./a.ts";'],
    ]);
    expect(checkArchitecture(typesOnly)).toEqual([]);
    const one = (path: string, text: string) => checkArchitecture(new Map([[path, text]])).map((v) => v.rule);
    expect(one("core/long.ts", `// long\n${"const a = 1;\n".repeat(300)}`)).toEqual(["size"]);
    expect(one("core/limit.ts", `// long\n${"const a = 1;\n".repeat(299)}`)).toEqual([]);
    for (const name of ["utils", "string-helpers", "types", "host-manager", "camelCase", "misc/thing"])
      expect([name, one(`core/${name}.ts`, "// x\n")]).toEqual([name, ["names"]]);
    expect(one("core/a.ts", "export const a = 1;\n")).toEqual(["opening"]);
    for (const line of [
      "const a = import.meta.url;",
      "const w = new Worker('a.js');",
      "const a = __dirname;",
      "const l = pino({ transport: { target: 'x' } });",
      "await go();",
      "for await (const a of b) {}",
      "const a = await go();",
    ]) {
      expect([line, one("agent/a.ts", `// a\n${line}\n`)]).toEqual([line, ["packing"]]);
    }
    expect(one("agent/a.ts", '// a\nimport { Worker } from "node:worker_threads";\n')).toEqual(["imports"]);
  });

  test("tells top-level await from await in functions", () => {
    const inside =
      "export const a = async () => await b();\nasync function c() { await d(); }\nclass E { async f() { for await (const g of h) await i(g); } }\n";
    expect(topLevelAwaits(scanSource("a.ts", inside).code)).toEqual([]);
    expect(topLevelAwaits(scanSource("a.ts", `${inside}await j();`).code)).toHaveLength(1);
  });

  test("reads imports of every form, and none that are not there", () => {
    const text = [
      'import a from "a";',
      'import type { B } from "b";',
      'import {\n  c,\n  type C,\n} from "c";',
      'import "d";',
      'export * from "e";',
      'export type { F } from "f";',
      'const g = () => import("g");',
      '// import h from "h";',
      "const i = 'import i from \"i\"';",
      'const from = "j";',
      'import { type K } from "k";',
    ].join("\n");
    const { imports } = scanSource("x.ts", text);
    expect(imports.map((i) => i.specifier)).toEqual(["a", "b", "c", "d", "e", "f", "g", "k"]);
    expect(imports.filter((i) => i.typeOnly).map((i) => i.specifier)).toEqual(["b", "f", "k"]);
  });
});

describe("oxlint", () => {
  let copy = "";

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), "ozwald-lint-"));
    for (const path of [
      ".oxlintrc.json",
      "package.json",
      "tsconfig.json",
      "tsconfig.base.json",
      "core",
      "agent",
      "controlplane",
      "proto/gen",
      "proto/tsconfig.json",
    ])
      cpSync(join(root, path), join(copy, path), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  });

  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  function lint(path: string): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin/oxlint"), [path], {
      cwd: copy,
      encoding: "utf8",
      timeout: 60_000,
    });
    return { status, output: stdout + stderr };
  }

  test.each(pureFolders)("turns red when %s gets an effect or a forbidden import", (folder) => {
    const path = plannerFile(folder);
    const text = tree.get(path) ?? "";
    expect(lint(path)).toMatchObject({ status: 0 });
    const outside = folder === "agent/plan" ? "../apply/engine.ts" : "../store/store.ts";
    for (const [mistake, rule] of [
      [`${text}\nexport const planted = () => Date.now();\n`, "no-restricted-globals"],
      [`${text}\nexport const planted = () => Math.random();\n`, "no-restricted-properties"],
      [`${text}\nexport const planted = setTimeout;\n`, "no-restricted-globals"],
      [
        `${text}\nexport const planted = () => { const { random } = Math; return random(); };\n`,
        "no-restricted-properties",
      ],
      [`${text}\nexport const planted = globalThis;\n`, "no-restricted-globals"],
      [`import { lookTls } from "#core/tls-look.ts";\n${text}\nexport const use = lookTls;\n`, "no-restricted-imports"],
      [`import { planted } from "node:fs";\n${text}\nexport const use = planted;\n`, "no-restricted-imports"],
      [`import type { Planted } from "${outside}";\n${text}\nexport type Use = Planted;\n`, "no-restricted-imports"],
    ] as const) {
      writeFileSync(join(copy, path), mistake);
      const { status, output } = lint(path);
      expect([rule, status]).toEqual([rule, 1]);
      expect(output).toContain(rule);
    }
    writeFileSync(join(copy, path), text);
    expect(lint(path)).toMatchObject({ status: 0 });
  });

  test("turns red on a promise nobody waits for", () => {
    const path = "core/planted.ts";
    writeFileSync(
      join(copy, path),
      "// Planted.\nconst go = async (): Promise<void> => {};\nexport function planted(): void {\n  go();\n}\n",
    );
    const { status, output } = lint(path);
    expect(status).toBe(1);
    expect(output).toContain("no-floating-promises");
    rmSync(join(copy, path));
  });
});
