// Takes out the keys that begin with x-, which hold what anchors share. Maps whose keys are the writer's own keep them.
import * as z from "zod";
import { unwrap } from "./schema-problems.ts";
import { environment } from "./schema-values.ts";

/** The value without x- keys, in every map that the schema knows. */
export function withoutExtensions(schema: z.ZodType, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const branches = unwrap(schema);
  if (Array.isArray(value)) {
    const list = branches.find((branch) => branch instanceof z.ZodArray);
    return list === undefined ? value : value.map((inner) => withoutExtensions(list.element as z.ZodType, inner));
  }
  const map = branches.find((branch) => branch instanceof z.ZodObject || branch instanceof z.ZodRecord);
  if (map === undefined || isFree(map)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith("x-"))
      .map(([key, inner]) => [key, withoutExtensions(schemaOf(map, key), inner)]),
  );
}

/** A map in which every key is allowed: a variable may well be called x-api-key. */
export function isFree(map: z.ZodType): boolean {
  return map === environment || (map instanceof z.ZodRecord && map.valueType instanceof z.ZodUnknown);
}

function schemaOf(map: z.ZodObject | z.ZodRecord, key: string): z.ZodType {
  if (map instanceof z.ZodRecord) return map.valueType as z.ZodType;
  return (Object.hasOwn(map.shape, key) ? map.shape[key] : z.unknown()) as z.ZodType;
}
