// What is right of a value that does not fit its schema, so that the rest is checked although something beside it is wrong.
import type * as z from "zod";
import { inside, type Path, type Place } from "./problem.ts";
import { meantIssues, valueAt } from "./schema-problems.ts";

/** A wrong value spoils what needs it, and that what needs that: how far up this is followed. */
const maxRounds = 8;

/** Where the elements of a list stood in the file, for lists that others were taken out of. */
const writtenIndexes = new WeakMap<readonly unknown[], readonly number[]>();

/** Elements of a list that fits, each at the place where it was written. */
export function elementsOf<T>(list: readonly T[], place: Place): { value: T; place: Place }[] {
  const indexes = writtenIndexes.get(list);
  return list.map((value, i) => ({ value, place: inside(place, indexes?.[i] ?? i) }));
}

/**
 * The value without what is unknown or wrong in it, and without what lacks something that it needs. Undefined when nothing useful
 * is left. Reports nothing.
 */
export function fitting<T extends z.ZodType>(schema: T, value: unknown): z.output<T> | undefined {
  let result = schema.safeParse(value);
  if (result.success) return result.data;
  const kept = new Map<unknown, number[]>();
  const copy = copied(value, kept);
  for (let round = 0; round < maxRounds && !result.success; round++) {
    const spoilt = meantIssues(result.error).flatMap((issue) => spoiltBy(issue, copy));
    if (spoilt.some((path) => path.length === 0)) return undefined;
    for (const path of spoilt.toSorted(lastFirst)) takeOut(copy, path, kept);
    result = schema.safeParse(copy);
  }
  if (!result.success) return undefined;
  remember(copy, result.data, kept);
  return result.data;
}

/** A copy in which nothing is shared, with the index that each element of its lists has in the original. */
function copied(value: unknown, kept: Map<unknown, number[]>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copied(inner, kept)]));
  const list: unknown[] = value.map((inner) => copied(inner, kept));
  kept.set(list, [...list.keys()]);
  return list;
}

/** Paths of what has to go for an issue: unknown keys, the value itself, or what holds a value that is missing. */
function spoiltBy(issue: z.core.$ZodIssue, root: unknown): Path[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => [...path, key]);
  return [issue.code !== "invalid_key" && valueAt(root, path) === undefined ? path.slice(0, -1) : path];
}

/** Later elements before earlier ones and inner things before outer ones: none of them moves another. */
function lastFirst(a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (typeof x === "number" && typeof y === "number" && x !== y) return y - x;
    if (x !== y) return String(x) < String(y) ? 1 : -1;
  }
  return b.length - a.length;
}

function takeOut(root: unknown, path: Path, kept: ReadonlyMap<unknown, number[]>): void {
  const holder = valueAt(root, path.slice(0, -1));
  const last = path.at(-1);
  if (typeof holder !== "object" || holder === null || last === undefined || !Object.hasOwn(holder, last)) return;
  if (!Array.isArray(holder)) delete (holder as Record<string, unknown>)[last];
  else {
    holder.splice(Number(last), 1);
    kept.get(holder)?.splice(Number(last), 1);
  }
}

function remember(copy: unknown, parsed: unknown, kept: ReadonlyMap<unknown, number[]>): void {
  if (typeof copy !== "object" || copy === null || typeof parsed !== "object" || parsed === null) return;
  const indexes = kept.get(copy);
  if (Array.isArray(parsed) && indexes?.some((index, i) => index !== i)) writtenIndexes.set(parsed, indexes);
  for (const [key, inner] of Object.entries(copy)) remember(inner, (parsed as Record<string, unknown>)[key], kept);
}
