// An OzError as text for people, and as JSON for programs.
import type { OzError } from "#core/errors.ts";
import { plainText } from "#core/plain-text.ts";
import type { Problem } from "#core/settings/settings.ts";
import { problemLines } from "./output/problems.ts";

/** What is printed on standard error: what is wrong, then what to try. */
export function errorText(error: OzError): string {
  const { problems, more } = problemsOf(error);
  if (problems.length > 0) return `${problemLines(problems)}${problemCount(problems, more)}, nothing changed.\n`;
  // What a model, a registry or a host said may be part of it.
  return plainText(`${error.message}\n${error.hint && `${error.hint}\n`}`);
}

/** The same for programs, in one line: {"error":{"code","message","hint"}}, with problems when the settings have some, and more when there are more. */
export function errorJson(error: OzError): string {
  const { code, message, hint } = error;
  // Those of an answer are messages of the contract, with more than their fields.
  const { problems: found, more } = problemsOf(error);
  const problems = found.map((problem): Problem => {
    const { file, line, column, path, message: what, hint: tried } = problem;
    return { file, line, column, path, message: what, hint: tried };
  });
  const listed = { ...(problems.length > 0 && { problems }), ...(more && { more }) };
  return `${JSON.stringify({ error: { code, message, hint, ...listed } })}\n`;
}

/** Problems that a settings error carries; empty for any other error. */
export function problemsOf(error: OzError): { readonly problems: readonly Problem[]; readonly more: boolean } {
  const { cause } = error;
  if (typeof cause !== "object" || cause === null || !("problems" in cause) || !Array.isArray(cause.problems))
    return { problems: [], more: false };
  return { problems: cause.problems as Problem[], more: "more" in cause && cause.more === true };
}

/** "1 problem", "2 problems", "more than 500 problems". */
export function problemCount({ length }: readonly Problem[], more: boolean): string {
  return more ? `more than ${length} problems` : counted(length, "problem");
}

/** "1 problem", "2 problems". */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
