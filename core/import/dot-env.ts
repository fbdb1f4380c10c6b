// The .env file of a Compose project: variables for the file itself, not for its containers.
import { envLines } from "../settings/env-file.ts";
import { createProblemList } from "../settings/problem.ts";
import { interpolate, type Variables } from "./interpolate.ts";

/**
 * Variables of the text, those in them replaced as Compose does: by the lines above, else by the shell's. missing is told of each that has no
 * value, as interpolate tells it. Lines that are none are left out, as nothing depends on them.
 */
export function dotEnv(
  text: string,
  shell: Variables = {},
  missing: (key: string, name: string, message: string) => void = () => {},
): Record<string, string> {
  const known: Record<string, string | undefined> = { ...shell };
  const variables: [string, string][] = [];
  for (const { key, value: written, literal } of envLines(".env", text, createProblemList())) {
    const tell = (name: string, message: string) => missing(key, name, message);
    const value = literal ? written : interpolate(written, known, tell);
    known[key] = value;
    variables.push([key, value]);
  }
  return Object.fromEntries(variables);
}
