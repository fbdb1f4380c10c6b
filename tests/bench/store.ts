// The store's commits, as a bench of the run.
import { resolve } from "node:path";
import type { Bench, Figure } from "./bench.ts";
import { rounded } from "./samples.ts";
import { benchStoreCommit, type CommitFigures } from "./store-commit.ts";

export const storeCommits: Bench = {
  name: "store-commits",
  about:
    "Commits that are on the disk when they are answered (WAL, `synchronous=FULL`), beside bare SQLite in the same run.",
  async run({ quick }) {
    const commits = quick ? 200 : 1_000;
    // The temporary directory is memory on some machines, where a commit costs nothing.
    const { store, bare } = await benchStoreCommit(commits, resolve(import.meta.dirname, "../../dist"));
    return {
      conditions: { commits, row: "about 800 bytes and one event", folder: "beside the executable" },
      figures: [
        ...figures("store", store),
        ...figures("bare better-sqlite3", bare),
        { what: "store / bare, median", value: rounded(store.p50Ms / bare.p50Ms), unit: "×" },
      ],
    };
  },
};

function figures(who: string, { p50Ms, p99Ms, perSecond }: CommitFigures): Figure[] {
  return [
    { what: `${who}, commit, median`, value: rounded(p50Ms), unit: "ms" },
    { what: `${who}, commit, 99 %`, value: rounded(p99Ms), unit: "ms" },
    { what: `${who}, commits one after the other`, value: perSecond, unit: "1/s" },
  ];
}
