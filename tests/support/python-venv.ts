// A Python environment with exact packages for tests, made once per set of requirements and kept in .cache.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { mustRun } from "./run-command.ts";

const cache = resolve(import.meta.dirname, "../../.cache");

/** Path of its python. Needs python3 with venv, and a package index the first time. */
export async function pythonWith(requirements: string): Promise<string> {
  const key = createHash("sha256")
    .update(await pinned(requirements))
    .digest("hex")
    .slice(0, 12);
  const folder = join(cache, `python-${key}`);
  const python = join(folder, "bin/python");
  const complete = join(folder, "complete");
  if (existsSync(complete)) return python;
  await rm(folder, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  await mustRun(["python3", "-m", "venv", folder]);
  await mustRun([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], {
    timeoutMs: 170_000,
  });
  await writeFile(complete, "");
  return python;
}

/** The text with the files it includes; refuses what is not pinned. */
async function pinned(requirements: string): Promise<string> {
  let text = "";
  for (const line of (await readFile(requirements, "utf8")).split("\n")) {
    const included = /^-r (.+)$/.exec(line)?.[1];
    if (included !== undefined) text += await pinned(join(dirname(requirements), included));
    else if (line !== "" && !line.startsWith("#") && !/^[A-Za-z0-9._-]+==[\w.]+$/.test(line))
      throw new Error(`${requirements}: ${line} is not pinned`);
    else text += `${line}\n`;
  }
  return text;
}
