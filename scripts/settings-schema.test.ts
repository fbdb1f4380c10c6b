// The JSON Schema and the reference are what the schema says today, and the JSON Schema judges like the parser.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { parseSettings } from "#core/settings/parse-settings.ts";
import { settingsJsonSchema } from "#core/settings/schema.ts";
import { settingsTable, withTable } from "./settings-table.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const published = JSON.parse(read("packaging/settings.schema.json")) as z.core.JSONSchema.JSONSchema;

test("packaging/settings.schema.json is fresh: node scripts/settings-schema.ts", () => {
  expect(published).toEqual(JSON.parse(JSON.stringify(settingsJsonSchema())));
});

test("the table of docs/settings.md is fresh: node scripts/settings-schema.ts", () => {
  const document = read("docs/settings.md");
  expect(document).toBe(withTable(document, settingsTable()));
});

function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties = {}, ...rest } = schema as { properties?: Record<string, unknown> };
  return [...Object.keys(properties), ...[...Object.values(properties), ...Object.values(rest)].flatMap(keysOf)];
}

test("docs/settings.md names every key", () => {
  const document = read("docs/settings.md");
  const keys = [...new Set(keysOf(published))];
  expect(keys.length).toBeGreaterThan(100);
  expect(keys.filter((key) => !document.includes(`\`${key}\``))).toEqual([]);
});

test("every YAML block of docs/settings.md is right", () => {
  const blocks = [...read("docs/settings.md").matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  expect(blocks.length).toBeGreaterThan(3);
  for (const text of blocks)
    expect(parseSettings([{ name: "docs/settings.md", text }], { envFiles: { "web.env": "" } }).problems).toEqual([]);
});

const schema = z.fromJSONSchema(published);
const readme = /```yaml\n([\s\S]*?)```/.exec(read("tests/fixtures/original-readme.md"))?.[1] ?? "";

test.each([
  [read("tests/fixtures/later-form.yml"), true],
  [readme, true],
  ["x-a: 1\nservices: [{ name: a, image: b, x-b: 2, ports: [80, '81:80', { container_port: 1 }] }]", true],
  ["services: [{ name: a, enviroment: {} }]", false],
  ["services: [{ image: a }]", false],
  ["instances: [{ name: a, replicas: two }]", false],
  ["services: [{ name: a, resources: { memory: lots } }]", false],
])("the JSON Schema judges as the parser does %#", (text, right) => {
  expect(schema.safeParse(parse(text)).success).toBe(right);
});
