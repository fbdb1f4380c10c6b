import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeScratchFolder } from "./scratch-folder.ts";

it("removes what a killed process left, and nothing of one that lives", () => {
  const parent = mkdtempSync(join(tmpdir(), "ozwald-scratch-"));
  try {
    // Above the highest process id that Linux gives.
    const dead = join(parent, "work-4194305-abcdef");
    const alive = join(parent, `work-${process.pid}-abcdef`);
    const foreign = join(parent, "workshop");
    for (const folder of [dead, alive, foreign]) mkdirSync(folder);
    const made = makeScratchFolder(parent, "work-");
    expect([dead, alive, foreign, made].map((folder) => existsSync(folder))).toEqual([false, true, true, true]);
  } finally {
    rmSync(parent, { recursive: true });
  }
});
