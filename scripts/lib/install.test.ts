// Whether dist/ozwald has to be built again, by what is newer than it.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repositoryRoot } from "./repository.ts";

const library = resolve(import.meta.dirname, "install.sh");
const sources = /ozwald_sources="([^"]*)"/.exec(readFileSync(library, "utf8"))?.[1]?.split(/\s+/) ?? [];

/** Files of the project that a script is made of, itself too. */
function scriptsOf(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, path = ""] of readFileSync(join(repositoryRoot, file), "utf8").matchAll(/ from "(\.[^"]+)"/g))
    scriptsOf(relative(repositoryRoot, resolve(repositoryRoot, dirname(file), path)), found);
  return found;
}

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ozwald-sources-"));
  for (const source of sources) write(/\.|LICENSE/.test(source) ? source : `${source}/a.ts`, 1000);
  write("dist/ozwald", 2000);
  chmodSync(join(root, "dist/ozwald"), 0o755);
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, changedS: number): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), "");
  utimesSync(join(root, path), changedS, changedS);
}

const isCurrent = (): boolean =>
  spawnSync("sh", ["-c", `. ${library}; executable_is_current`], { cwd: root }).status === 0;

test("what is older, and tests, do not count", () => {
  write("core/a.test.ts", 3000);
  write("docs/install.md", 3000);
  expect(isCurrent()).toBe(true);
});

test.each(["package.json", "LICENSE", "scripts/notices.ts", "packaging/ozctl/README.md", "proto/ozwald/v1/a.proto"])(
  "%s goes into it",
  (path) => {
    write(path, 3000);
    expect(isCurrent()).toBe(false);
  },
);

test("every script that makes it is among what is looked at", () => {
  expect([...scriptsOf("scripts/build.ts")].filter((file) => !sources.includes(file))).toEqual([]);
});
