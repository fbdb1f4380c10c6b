// The files of -f with the env files they name, as they are sent.
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { OzError } from "#core/errors.ts";

export type SettingsTexts = { files: { name: string; text: string }[]; envFiles: Record<string, string> };

const defaults = ["ozwald.yml", "ozwald.yaml"];

/** Reads the files named by -f, else ozwald.yml or ozwald.yaml of the folder. Throws bad_request for one that cannot be read. */
export async function readSettings(cwd: string, named: readonly string[]): Promise<SettingsTexts> {
  const paths = named.length > 0 ? named : defaults.filter((name) => existsSync(resolve(cwd, name))).slice(0, 1);
  if (paths.length === 0) {
    throw new OzError("bad_request", `There is no ${defaults.join(" or ")} in ${cwd}.`, {
      hint: "Name the file:  -f FILE",
    });
  }
  const files = paths.map((path) => ({ name: path, text: readText(resolve(cwd, path), path) }));
  const envFiles: Record<string, string> = {};
  const { envFilePaths } = await import("#core/settings/env-file.ts");
  for (const file of files) {
    for (const path of envFilePaths([file])) {
      // A path in settings is meant from the file it is written in. One that is not there is left out: the parser says where it is named.
      const place = resolve(cwd, dirname(file.name), path);
      if (existsSync(place)) envFiles[path] ??= readText(place, path, file.name);
    }
  }
  return { files, envFiles };
}

/** Text of a file. Throws bad_request that says why it cannot be read. */
export function readText(path: string, shown: string, namedBy?: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "does not exist"
        : code === "EISDIR"
          ? "is a folder"
          : code === "EACCES"
            ? "may not be read"
            : `cannot be read (${code})`;
    const where = namedBy === undefined ? "" : ` It is the env_file named in ${basename(namedBy)}.`;
    throw new OzError("bad_request", `${shown} ${why}.${where}`, { hint: `Looked for ${path}.`, cause: error });
  }
}
