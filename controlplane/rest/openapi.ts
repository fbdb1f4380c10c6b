// The OpenAPI 3.1 document of the REST interface, made from the table of routes.
import * as z from "zod";
import { version } from "#core/version.ts";
import { errorAnswer } from "./answers.ts";
import type { Route } from "./route.ts";

type Json = Record<string, unknown>;

/** Plain JSON. Schemas with a name become components. */
export function openApiDocument(routes: readonly Route[]): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, path, components) };
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Ozwald REST interface",
      version,
      description:
        "Plain HTTP on the loopback address only. A trailing slash may be sent or left out. Everything but /health wants the bearer key OZWALD_SYSTEM_KEY.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:8000" }],
    paths,
    components: { schemas: components, securitySchemes: { systemKey: { type: "http", scheme: "bearer" } } },
  };
}

function operation(route: Route, path: string, components: Json): Json {
  const error = (description: string): Json => ({
    description,
    content: jsonContent(errorAnswer, components, "output"),
  });
  const refusals = {
    ...(route.open === true ? {} : { 401: "The bearer key is missing or wrong" }),
    ...route.refusals,
    ...bodyRefusals(route),
    500: "A mistake in the control plane",
  };
  return {
    operationId: `${route.method.toLowerCase()}${path.replaceAll(/[^a-zA-Z]+(.)?/g, (_, letter: string | undefined) => (letter ?? "").toUpperCase())}`,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: route.open === true ? [] : [{ systemKey: [] }],
    parameters: [...pathParameters(path), ...queryParameters(route)],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: jsonContent(route.body, components, "input") } }),
    responses: {
      [route.answerStatus]: { description: route.summary, content: jsonContent(route.answer, components, "output") },
      ...Object.fromEntries(Object.entries(refusals).map(([status, description]) => [status, error(description)])),
    },
  };
}

function bodyRefusals(route: Route): Json & Record<number, string> {
  return route.body === undefined ? {} : { 408: "The body came too slowly", 413: "The body is larger than 1 MiB" };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(route: Route): Json[] {
  return Object.entries(route.query?.shape ?? {}).map(([name, schema]) => {
    const { description, ...rest } = jsonSchema(schema as z.ZodType, {}, "input");
    return { name, in: "query", required: false, ...(description === undefined ? {} : { description }), schema: rest };
  });
}

function jsonContent(schema: z.ZodType, components: Json, io: "input" | "output"): Json {
  return { "application/json": { schema: jsonSchema(schema, components, io) } };
}

/** JSON Schema of 2020-12, as OpenAPI 3.1 has it; named parts move to the components. */
function jsonSchema(schema: z.ZodType, components: Json, io: "input" | "output"): Json {
  const made = z.toJSONSchema(schema, { target: "draft-2020-12", io, unrepresentable: "any" }) as Json;
  const {
    $schema: _dialect,
    $defs: defs,
    ...rest
  } = JSON.parse(JSON.stringify(made).replaceAll("#/$defs/", "#/components/schemas/")) as Json;
  for (const [name, part] of Object.entries((defs ?? {}) as Json)) components[name] = withoutId(part as Json);
  const name = rest["id"];
  if (typeof name !== "string") return rest;
  components[name] = withoutId(rest);
  return { $ref: `#/components/schemas/${name}` };
}

function withoutId({ id: _id, ...rest }: Json): Json {
  return rest;
}
