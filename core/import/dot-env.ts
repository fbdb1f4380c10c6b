// The .env file of a Compose project: variables for the file itself, not for its containers.
import { parseEnvFile } from "../settings/env-file.ts";
import { createProblemList } from "../settings/problem.ts";

/** Variables of the text; lines that are none are left out, as nothing depends on them. */
export function dotEnv(text: string): Record<string, string> {
  return parseEnvFile(".env", text, createProblemList());
}
