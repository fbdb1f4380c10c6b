// The .env file of a Compose project: variables for the file itself, not for its containers.
import { parseEnvFile } from "../settings/env-file.ts";
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
  return parseEnvFile(".env", text, createProblemList(), (value, above, key) =>
    interpolate(value, { ...shell, ...above }, (name, message) => missing(key, name, message)),
  );
}
