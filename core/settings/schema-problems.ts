// Turns what the schema finds into problems in words, each at its place, with what was probably meant.
import * as z from "zod";
import { hintFor } from "./hint-for.ts";
import type { Path, Place, ProblemList } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/** Checks a value and reports everything wrong with it. */
export function checkAgainst(schema: z.ZodType, value: unknown, place: Place, problems: ProblemList): void {
  const result = schema.safeParse(value);
  if (result.success) return;
  for (const issue of meantIssues(result.error)) {
    if (problems.full) return;
    report(issue, schema, value, place, problems);
  }
}

/** What is wrong, with unions resolved to the branch that was meant. */
export function meantIssues(error: z.ZodError): Issue[] {
  return deepest(error.issues, []);
}

/** Issues of the branch of a union that was meant, with whole paths. */
function deepest(issues: readonly Issue[], prefix: readonly PropertyKey[]): Issue[] {
  return issues.flatMap((issue) => {
    const whole = { ...issue, path: [...prefix, ...issue.path] } as Issue;
    if (whole.code === "invalid_key") return [{ ...whole, message: whole.issues[0]?.message ?? whole.message }];
    if (whole.code !== "invalid_union") return [whole];
    const meant = whole.errors.filter(
      (branch) => !branch.some((inner) => inner.path.length === 0 && inner.code === "invalid_type"),
    );
    return meant[0] === undefined ? [whole] : deepest(meant[0], whole.path);
  });
}

function report(issue: Issue, schema: z.ZodType, root: unknown, place: Place, problems: ProblemList): void {
  const path = issue.path as Path;
  const at: Place = { source: place.source, path: [...place.path, ...path] };
  const value = valueAt(root, path);
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, path);
    for (const key of issue.keys)
      problems.add({ ...at, path: [...at.path, key] }, "unknown key", keyHint(key, known), "key");
  } else if (issue.code === "invalid_key") problems.add(at, issue.message, "", "key");
  else if (value === undefined)
    problems.add(at, "missing", issue.code === "invalid_value" ? `It is ${oneOf(issue.values.map(String))}.` : "");
  else if (issue.code === "invalid_value") reportWord(issue.values.map(String), value, at, problems);
  else if (issue.code === "invalid_type") {
    const unquoted = issue.expected === "string" && (typeof value === "number" || typeof value === "boolean");
    problems.add(
      at,
      `must be ${typeNames[issue.expected] ?? issue.expected}, not ${shown(value)}`,
      unquoted ? "Put it in quotes." : "",
    );
  } else problems.add(at, `${issue.message}, not ${shown(value)}`);
}

function reportWord(allowed: readonly string[], value: unknown, at: Place, problems: ProblemList): void {
  problems.add(
    at,
    `must be ${oneOf(allowed)}, not ${shown(value)}`,
    typeof value === "string" ? nearHint(value, allowed) : "",
  );
}

const typeNames: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys",
  record: "a map of keys",
};

/** A value in a message: what it is, or short text of it. Longer text is cut. */
function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "a map";
}

function oneOf(allowed: readonly string[]): string {
  return allowed.length === 1 ? String(allowed[0]) : `${allowed.slice(0, -1).join(", ")} or ${allowed.at(-1)}`;
}

/** Few keys are listed; many are not. */
function keyHint(key: string, known: readonly string[]): string {
  return known.length > 12 ? nearHint(key, known) || "docs/settings.md lists every key." : hintFor(key, known);
}

function nearHint(written: string, allowed: readonly string[]): string {
  const hint = hintFor(written, allowed);
  return hint.startsWith("Did you mean") ? hint : "";
}

export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[step] : undefined,
    root,
  );
}

/** Keys that the schema allows at a path, in every branch. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  const here = path.reduce<z.ZodType[]>((schemas, step) => schemas.flatMap((s) => inside(s, step)), unwrap(schema));
  return [...new Set(here.flatMap((s) => (s instanceof z.ZodObject ? Object.keys(s.shape) : [])))];
}

function inside(schema: z.ZodType, step: string | number): z.ZodType[] {
  if (schema instanceof z.ZodObject) return unwrap((schema.shape as Record<string, z.ZodType>)[step]);
  if (schema instanceof z.ZodArray && typeof step === "number") return unwrap(schema.element as z.ZodType);
  if (schema instanceof z.ZodRecord) return unwrap(schema.valueType as z.ZodType);
  return [];
}

/** The schema itself, or the branches of a union, without what makes it optional. */
export function unwrap(schema: z.ZodType | undefined): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => unwrap(option as z.ZodType));
  return schema === undefined ? [] : [schema];
}
