// The files of -f with the env files they name and the folders they mean, as they are sent.
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { OzError } from "#core/errors.ts";
import { maxTotalBytes } from "#core/settings/limits.ts";
import { formatBytes } from "#core/units.ts";
import { readText } from "./read-text.ts";

export type SettingsText = {
  name: string;
  text: string;
  /** Env files whose path means another file elsewhere. */
  envFiles: Record<string, string>;
  /** Values of the variables that paths of the host may hold, for those that the text has. */
  variables: Record<string, string>;
};

/** envFiles: those whose path means the same file wherever it is written. */
export type SettingsTexts = { files: SettingsText[]; envFiles: Record<string, string> };

const defaults = ["ozwald.yml", "ozwald.yaml"];

/**
 * Reads the files named by -f, else ozwald.yml or ozwald.yaml of the folder. Throws bad_request for one that cannot be read, limit
 * for more than is read.
 */
export async function readSettings(
  cwd: string,
  named: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<SettingsTexts> {
  const paths = named.length > 0 ? named : defaults.filter((name) => existsSync(resolve(cwd, name))).slice(0, 1);
  if (paths.length === 0) {
    throw new OzError("bad_request", `There is no ${defaults.join(" or ")} in ${cwd}.`, {
      hint: "Name the file:  -f FILE",
    });
  }
  const { envFilePaths } = await import("#core/settings/env-file.ts");
  const budget = { left: maxTotalBytes };
  const read = paths.map((path) => {
    const text = within(budget, readText(resolve(cwd, path), path));
    const folder = resolve(cwd, dirname(path));
    // A path in settings is meant from the file it is written in.
    const envPlaces = envFilePaths([{ name: path, text }]).map((as) => ({ as, place: resolve(folder, as) }));
    return { name: path, text, folder, envPlaces };
  });
  const meanings = Map.groupBy(
    read.flatMap(({ envPlaces }) => envPlaces),
    ({ as }) => as,
  );
  const isShared = (as: string): boolean => new Set(meanings.get(as)?.map(({ place }) => place)).size === 1;
  const envFiles: Record<string, string> = {};
  const files = read.map(({ name, text, folder, envPlaces }) => {
    const file: SettingsText = { name, text, envFiles: {}, variables: variablesIn(text, folder, env) };
    for (const { as, place } of envPlaces) {
      const texts = isShared(as) ? envFiles : file.envFiles;
      // One that is not there is left out: the parser says where it is named.
      if (!Object.hasOwn(texts, as) && existsSync(place))
        texts[as] = within(budget, readText(place, as, { namedBy: name }));
    }
    return file;
  });
  return { files, envFiles };
}

/** The two variables that the original knows, where the text has them. */
function variablesIn(
  text: string,
  folder: string,
  { OZWALD_PROJECT_ROOT_DIR: root }: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const values = { SETTINGS_FILE_DIR: folder, ...(root === undefined ? {} : { OZWALD_PROJECT_ROOT_DIR: root }) };
  return Object.fromEntries(Object.entries(values).filter(([name]) => text.includes(`\${${name}}`)));
}

function within(budget: { left: number }, text: string): string {
  budget.left -= Buffer.byteLength(text);
  if (budget.left >= 0) return text;
  throw new OzError(
    "limit",
    `The settings and their env files have more than ${formatBytes(maxTotalBytes)} together.`,
    {
      hint: "Split them into several projects.",
    },
  );
}
