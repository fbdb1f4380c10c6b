// Env files: which ones the settings name, and what a text of KEY=VALUE lines says.
import { createProblemList, type Position, type ProblemList } from "./problem.ts";
import { readYaml } from "./yaml-source.ts";

/** Paths of the env files that the settings name, as written, each once. Files that cannot be read name none. */
export function envFilePaths(files: readonly { name: string; text: string }[]): string[] {
  const found = new Set<string>();
  for (const file of files) collect(readYaml(file.name, file.text, createProblemList()).value, found);
  return [...found];
}

/** Maps in which every key is free: a variable may well be called env_file. */
const freeMaps = new Set(["environment", "properties"]);

function collect(value: unknown, found: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "env_file")
      for (const path of Array.isArray(inner) ? inner : [inner])
        if (typeof path === "string" && path !== "") found.add(path);
    if (!freeMaps.has(key) && !key.startsWith("x-")) collect(inner, found);
  }
}

export type EnvLine = {
  readonly key: string;
  readonly value: string;
  /** True when it stands in single quotes, which keep everything. */
  readonly literal: boolean;
};

/** Variables of an env file as it is read by envLines. Nothing is expanded; a later line wins. */
export function parseEnvFile(name: string, text: string, problems: ProblemList): Record<string, string> {
  return Object.fromEntries(Array.from(envLines(name, text, problems), ({ key, value }) => [key, value]));
}

/**
 * Lines of an env file: KEY=VALUE, `export KEY=VALUE`, `#` comments, quotes. Single quotes keep everything, double quotes know
 * \n, \r, \t, \" and \\; without quotes ` #` begins a comment.
 */
export function* envLines(name: string, text: string, problems: ProblemList): Generator<EnvLine, void> {
  for (const [i, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const at: Position = { line: i + 1, column: line.length - line.trimStart().length + 1 };
    const [whole, key = "", written = ""] = /^(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*)$/.exec(trimmed) ?? [];
    const value = unquote(written);
    if (whole === undefined) problems.addAt(name, at, "a line must read KEY=VALUE", "Begin comments with #.");
    else if (value === undefined)
      problems.addAt(
        name,
        at,
        `the quotes of ${key} are not closed`,
        "A value ends on its line; write \\n for a line break.",
      );
    else yield { key, value, literal: written.startsWith("'") };
  }
}

const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

function unquote(written: string): string | undefined {
  if (written.startsWith("'")) return /^'([^']*)'\s*(#.*)?$/.exec(written)?.[1];
  if (written.startsWith('"')) {
    const inner = /^"((?:[^"\\]|\\.)*)"\s*(#.*)?$/.exec(written)?.[1];
    return inner?.replace(/\\(.)/g, (whole, char: string) => escapes[char] ?? whole);
  }
  return written.replace(/(^|\s)#.*$/, "").trim();
}
