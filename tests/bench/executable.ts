// How large the one executable is, as it lies on the disk and as it travels.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Bench, Figure } from "./bench.ts";
import { rounded } from "./samples.ts";

export const executable: Bench = {
  name: "executable",
  about: "Size of `dist/ozwald`, which holds every program, and of what a host downloads.",
  async run({ quick, progress }) {
    const path = resolve(import.meta.dirname, "../../dist/ozwald");
    progress("compressing it");
    const figures: Figure[] = [
      { what: "executable", value: megabytes(statSync(path).size), unit: "MB", atMost: 116 },
      { what: "gzip -9", value: packed(["gzip", "-9", "-c", path]), unit: "MB" },
    ];
    if (!quick)
      figures.push({
        what: "xz -9",
        value: packed(["xz", "-9", "-T1", "-c", path]),
        unit: "MB",
        atMost: 30,
        note: "the download",
      });
    return { conditions: {}, figures };
  },
};

function packed([program = "", ...rest]: string[]): number {
  const { status, stdout, error } = spawnSync(program, rest, { maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${program} failed`, { cause: error });
  return megabytes(stdout.length);
}

function megabytes(bytes: number): number {
  return rounded(bytes / 1e6);
}
