// The installer takes the version from package.json, the executable says core's: one that differs would refuse every installation.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { version } from "#core/version.ts";

test("package.json and the programs have one version, in a form that scripts/install can read", () => {
  const text = readFileSync(resolve(import.meta.dirname, "../package.json"), "utf8");
  expect(/^ {2}"version": "(.*)",$/m.exec(text)?.[1]).toBe(version);
});
