// Files that nobody writes on purpose: none of them may throw, cost more than its size, or place a problem outside of itself.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { dotEnv } from "../import/dot-env.ts";
import { envFilePaths, parseSettings } from "./parse-settings.ts";
import type { Problem } from "./settings.ts";

function problemsOf(text: string): Problem[] {
  return parseSettings([{ name: "f", text }]).problems;
}

test("a file has at most 1 MiB", () => {
  expect(problemsOf("#".repeat(2 ** 20) + "\nhosts: []")).toMatchObject([
    { line: 1, column: 1, message: "the file has 1048586 bytes, at most 1048576 are read" },
  ]);
  expect(problemsOf("hosts: []\n".padEnd(2 ** 20, "#"))).toEqual([]);
});

test("alias bombs are refused", () => {
  const bomb = [
    "a0: &a0 [x, x, x, x, x, x, x, x, x]",
    ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`),
  ].join("\n");
  expect(problemsOf(`x-bomb:\n${bomb.replaceAll(/^/gm, "  ")}\n`)).toMatchObject([
    { message: expect.stringMatching(/its aliases stand for \d+ values, at most 250000 are read/) as string },
  ]);
  const merges = `x-a: &a {${Array.from({ length: 2000 }, (_, i) => `k${i}: 1`).join(", ")}}\nx-b:\n${Array.from({ length: 5000 }, () => "  - { <<: *a }").join("\n")}\n`;
  expect(problemsOf(merges)).toMatchObject([{ message: expect.stringContaining("aliases stand for") as string }]);
});

test("neither do aliases of one long text, or of long keys, blow up a file", () => {
  const many = (what: string) => Array.from({ length: 20 }, (_, i) => `  x${i}: ${what}\n`).join("");
  const text = `x-a: &a ${"x".repeat(200_000)}\nx-b:\n${many("*a")}`;
  const keys = `x-a: &a { ${"x".repeat(200_000)}: 1 }\nx-b:\n${many("{ <<: *a }")}`;
  for (const file of [text, keys])
    expect(problemsOf(file)).toMatchObject([
      { message: expect.stringMatching(/aliases stand for \d+ characters, at most 2097152 are read/) as string },
    ]);
  expect(problemsOf(text.replaceAll("x".repeat(200_000), "x".repeat(90_000)))).toEqual([]);
});

test("an env file, or a .env, of many lines costs no more than its size", () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => `A${i + 1}=\${A${i}:-x}`);
  const text = "services: [{ name: a, image: a, env_file: e }]\n";
  const { settings } = parseSettings([{ name: "f", text, envFiles: { e: lines.join("\n") } }]);
  expect(settings?.services[0]?.base.envFile?.["A30000"]).toBe("${A29999:-x}");
  expect(dotEnv(["A0='y'", ...lines].join("\n"))["A30000"]).toBe("y");
});

test("an anchor may be used many times", () => {
  const services = Array.from({ length: 2000 }, (_, i) => `  - { <<: *s, name: s${i} }`).join("\n");
  expect(
    parseSettings([{ name: "f", text: `x-s: &s { image: a, environment: { A: 1 } }\nservices:\n${services}\n` }])
      .settings?.services,
  ).toHaveLength(2000);
});

test.each([
  "[".repeat(100_000),
  `a: ${"{a: ".repeat(50_000)}`,
  "- ".repeat(100_000),
  `x-a: ${"[".repeat(500)}${"]".repeat(500)}`,
])("deep nesting %#", (text) => {
  expect(problemsOf(text).length).toBeGreaterThan(0);
});

test("many mistakes are reported up to a bound", () => {
  const text = Array.from({ length: 3000 }, (_, i) => `key${i}: 1`).join("\n");
  expect(parseSettings([{ name: "f", text }])).toMatchObject({ more: true, problems: { length: 500 } });
  const fewer = text.split("\n").slice(0, 500).join("\n");
  expect(parseSettings([{ name: "f", text: fewer }])).toMatchObject({ more: false, problems: { length: 500 } });
});

test("keys of the JavaScript prototype are keys like others", () => {
  expect(problemsOf("services: [{ name: s, image: a, environment: { constructor: 1, toString: 2 } }]\n")).toEqual([]);
  expect(problemsOf("__proto__: { a: 1 }\n")).toMatchObject([{ message: "a key must be text" }]);
  expect(problemsOf("services: [{ name: constructor, image: a }]\ninstances: [{ name: toString }]\n")).toMatchObject([
    { path: "instances[0].service" },
  ]);
});

function isInside(text: string, { line, column }: Problem): boolean {
  const lines = text.split("\n");
  return line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1] ?? "").length + 1;
}

function check(text: string): void {
  const result = parseSettings([{ name: "f", text }]);
  expect(result.settings === undefined).toBe(result.problems.length > 0);
  for (const problem of result.problems) expect([problem, isInside(text, problem)]).toEqual([problem, true]);
  expect(Array.isArray(envFilePaths([{ name: "f", text }]))).toBe(true);
}

test("any text is either settings or problems with places inside it", () => {
  const soup = fc.array(
    fc.constantFrom(
      "services",
      "instances",
      "name",
      "image",
      ":",
      " ",
      "\n",
      "  ",
      "- ",
      "{",
      "}",
      "[",
      "]",
      ",",
      "&a ",
      "*a",
      "<<",
      "'",
      '"',
      "web",
      "1",
      "null",
      "|",
      ">",
      "#",
      "!t ",
      "? ",
      "\t",
      "é",
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 80 }),
        fc.string({ unit: "binary", maxLength: 40 }),
        soup.map((parts) => parts.join("")),
      ),
      check,
    ),
    { numRuns: 500 },
  );
});

test("any values under known keys are either settings or problems with places inside them", () => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("a", "web", 1, 0.5, true, null, "/a:/b", "80:80", ""),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    ),
  }));
  const root = fc.dictionary(key, value, { minKeys: 1, maxKeys: 5 });
  fc.assert(
    fc.property(root, (settings) => check(JSON.stringify(settings, undefined, 1))),
    { numRuns: 500 },
  );
});

const key = fc.constantFrom(
  ...[
    "services",
    "instances",
    "hosts",
    "realms",
    "groups",
    "volumes",
    "portals",
    "provisioners",
    "registries",
    "name",
    "image",
    "environment",
    "varieties",
    "profiles",
    "ports",
    "target",
  ],
  ...[
    "source",
    "type",
    "depends_on",
    "networks",
    "requires",
    "resources",
    "service-definitions",
    "persistent-services",
    "vault",
    "bridge",
    "service",
    "healthcheck",
    "test",
    "x-a",
    "env_file",
    "command",
  ],
);

test("a file with one line changed or taken out never throws", () => {
  const text = readFileSync(new URL("../../tests/fixtures/later-form.yml", import.meta.url), "utf8");
  const lines = text.split("\n");
  fc.assert(
    fc.property(
      fc.nat(lines.length - 1),
      fc.constantFrom("", "  ", "zz: 1", "- x", "        name: [", "    networks: 5", "      - name: web"),
      (at, replacement) => {
        check([...lines.slice(0, at), replacement, ...lines.slice(at + 1)].join("\n"));
      },
    ),
    { numRuns: 120 },
  );
});
