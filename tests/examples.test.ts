// Every settings file under examples/ is read without a problem, and fits the published JSON Schema.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "#core/settings/parse-settings.ts";
import { formatProblem } from "#core/settings/problem.ts";

const root = path.resolve(import.meta.dirname, "..");
const files = globSync("examples/**/*.{yml,yaml}", { cwd: root }).filter((file) => !file.includes("node_modules"));
const schema = JSON.parse(readFileSync(path.join(root, "packaging", "settings.schema.json"), "utf8")) as object;
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);

describe("examples", () => {
  test("there are some", () => expect(files).toContain("examples/quickstart/ozwald.yml"));

  test.each(files)("%s is read without a problem", (file) => {
    const text = readFileSync(path.join(root, file), "utf8");
    const { problems, settings } = parseSettings([{ name: file, text }], { envFiles: {} });
    expect(problems.map(formatProblem)).toEqual([]);
    expect(settings?.services.length).toBeGreaterThan(0);
  });

  test.each(files)("%s fits the JSON Schema", (file) => {
    validate(parse(readFileSync(path.join(root, file), "utf8")));
    expect(validate.errors ?? []).toEqual([]);
  });

  test("the JSON Schema sees a typo", () => {
    expect(validate({ services: [{ name: "web", image: "web:1", enviroment: {} }] })).toBe(false);
  });
});
