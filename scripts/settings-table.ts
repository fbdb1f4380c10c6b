// The reference of every settings key, as Markdown, made from the schema.
import * as z from "zod";
import { layer, layerShape } from "#core/settings/schema-layer.ts";
import { settingsFile } from "#core/settings/schema.ts";

type Section = { path: string; schema: z.ZodObject };

/** One table for each kind of map, in the order in which they are met from the top of a file. */
export function settingsTable(): string {
  const sections: Section[] = [];
  collect(settingsFile, "", sections);
  return sections.map(sectionText).join("\n");
}

/** The map schemas inside, each once: the keys of a layer are the same ones wherever they are written. */
function collect(schema: z.ZodObject, path: string, sections: Section[]): void {
  if (sections.some((section) => section.schema === schema)) return;
  sections.push({ path, schema });
  if (path === "services[]") collect(layer, "services[].varieties.NAME", sections);
  for (const [key, inner] of Object.entries(schema.shape as Record<string, z.ZodType>)) {
    const base = schema === layer ? "LAYER." : path === "" ? "" : `${path}.`;
    for (const [found, suffix] of objectsIn(inner, "")) collect(found, `${base}${key}${suffix}`, sections);
  }
}

function objectsIn(schema: z.ZodType, suffix: string): [z.ZodObject, string][] {
  if (schema instanceof z.ZodObject) return [[schema, suffix]];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return objectsIn(schema.unwrap() as z.ZodType, suffix);
  if (schema instanceof z.ZodArray) return objectsIn(schema.element as z.ZodType, `${suffix}[]`);
  if (schema instanceof z.ZodRecord) return objectsIn(schema.valueType as z.ZodType, `${suffix}.NAME`);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => objectsIn(option as z.ZodType, suffix));
  return [];
}

function sectionText({ path, schema }: Section): string {
  const shape = schema.shape as Record<string, z.ZodType>;
  const layerKeys = new Set(Object.keys(layerShape));
  const own = Object.entries(shape).filter(
    ([key]) => schema === layer || shape[key] !== layerShape[key as keyof typeof layerShape] || !layerKeys.has(key),
  );
  const holdsLayer =
    schema !== layer && Object.keys(shape).some((key) => shape[key] === layerShape[key as keyof typeof layerShape]);
  const title =
    path === ""
      ? "A file"
      : schema === layer
        ? "LAYER: a variety, a profile; also a service and an instance"
        : `\`${path}\``;
  const rows = own.map(
    ([key, value]) =>
      `| \`${key}\`${isRequired(value) ? " (required)" : ""} | ${takes(value)} | ${description(value)} |`,
  );
  return [
    `### ${title}`,
    "",
    ...(holdsLayer ? ["Every key of LAYER, and:", ""] : []),
    "| key | takes | what |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function isRequired(schema: z.ZodType): boolean {
  return !(schema instanceof z.ZodOptional);
}

function description(schema: z.ZodType): string {
  if (schema.description === undefined) throw new Error("a settings key has no description");
  return schema.description.replaceAll("|", "\\|");
}

function takes(schema: z.ZodType): string {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return takes(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodArray) return `list of ${takes(schema.element as z.ZodType)}`;
  if (schema instanceof z.ZodRecord) return `map of ${takes(schema.valueType as z.ZodType)}`;
  if (schema instanceof z.ZodUnion)
    return [...new Set(schema.options.map((option) => takes(option as z.ZodType)))].join(" or ");
  if (schema instanceof z.ZodEnum) return schema.options.map((option) => `\`${option}\``).join(", ");
  if (schema instanceof z.ZodObject) return "map";
  if (schema instanceof z.ZodString) return "text";
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodBoolean) return "true or false";
  if (schema instanceof z.ZodNull) return "nothing";
  return "anything";
}

const [begin, end] = ["<!-- begin: made by scripts/settings-schema.ts -->", "<!-- end -->"];

/** The document with the table between its marks replaced. Throws when the marks are missing. */
export function withTable(document: string, table: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/settings.md lacks its marks ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${table}\n${document.slice(to)}`;
}
