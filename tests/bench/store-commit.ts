// Commit latency and rate of the store with synchronous=FULL, beside the same rows written by bare better-sqlite3 in the same run.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { openStore } from "../../controlplane/store/open-store.ts";
import { upsertProject } from "../../controlplane/store/projects.ts";

export type CommitFigures = { commits: number; p50Ms: number; p99Ms: number; maxMs: number; perSecond: number };
export type StoreCommitFigures = {
  /** Through the store, one after the other. */
  store: CommitFigures;
  /** Bare better-sqlite3: what the disk and SQLite cost alone. */
  bare: CommitFigures;
};

/** Each commit writes one row of about 800 bytes and one event. dir: on the disk to measure; default the temporary directory. */
export async function benchStoreCommit(commits = 500, dir = tmpdir()): Promise<StoreCommitFigures> {
  const work = mkdtempSync(join(dir, "ozwald-bench-"));
  try {
    const onFatal = (error: Error) => {
      throw error;
    };
    await using store = await openStore({ dir: work, clock: systemClock, random: randomBytes, log: quietLog, onFatal });
    const row = (n: number) => ({ name: `p${n % 50}`, files: "x".repeat(800), settings: "{}", applied_at: n });
    const one = (n: number) =>
      store.commit(undefined, async ({ trx, event }) => {
        await upsertProject(trx, row(n));
        await event({ kind: "bench", subject: "s", message: "m" });
      });
    await measure(50, one); // warm
    const alone = await measure(commits, one);
    return { store: alone, bare: await bareFigures(commits, join(work, "bare.db")) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function bareFigures(commits: number, path: string): Promise<CommitFigures> {
  const database = new Database(path);
  database.pragma("journal_mode = wal");
  database.pragma("synchronous = full");
  database.exec(
    "create table r(n integer) strict; insert into r values (0); create table p(name text primary key, files text) strict",
  );
  database.exec("create table e(n integer, message text) strict");
  const revision = database.prepare("update r set n = n + 1 returning n").pluck();
  const project = database.prepare(
    "insert into p values (?, ?) on conflict(name) do update set files = excluded.files",
  );
  const event = database.prepare("insert into e values (?, ?)");
  const commit = database.transaction((n: number) => {
    const at = revision.get();
    project.run(`p${n % 50}`, "x".repeat(800));
    event.run(at, "m");
  });
  try {
    return await measure(commits, async (n) => commit.immediate(n));
  } finally {
    database.close();
  }
}

async function measure(commits: number, one: (n: number) => Promise<unknown>): Promise<CommitFigures> {
  const took: number[] = [];
  const started = performance.now();
  for (let n = 0; n < commits; n++) {
    const from = performance.now();
    await one(n);
    took.push(performance.now() - from);
  }
  const seconds = (performance.now() - started) / 1000;
  took.sort((a, b) => a - b);
  const at = (share: number) => round(took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0);
  return { commits, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), perSecond: Math.round(commits / seconds) };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
