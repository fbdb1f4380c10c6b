// Copies a live SQLite database into one file that is checked and synced before it takes its name.
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Database } from "better-sqlite3";
import { OzError } from "#core/errors.ts";
import { syncPath } from "./durable-file.ts";
import { sqliteTrouble, troubleError } from "./sqlite-trouble.ts";

export type BackupOptions = {
  source: Database;
  /** Where the copy goes; its directory exists. */
  path: string;
  /** Opens a database file with the addon of this program. */
  open(path: string): Database;
  /**
   * An incarnation to leave out. Commits made after the copy belong to it too: an agent that obeyed them must not take a restored
   * copy for the same history.
   */
  incarnation?: string;
};

/** Throws already_exists when the file is there. Must not run inside a transaction of the source. */
export function backupSqlite({ source, path, open, incarnation }: BackupOptions): void {
  if (existsSync(path)) {
    throw new OzError("already_exists", `the file ${path} is already there`, {
      hint: "Choose another name for the backup.",
    });
  }
  const partial = `${path}.partial`;
  rmSync(partial, { force: true });
  try {
    source.prepare("vacuum into ?").run(partial);
    chmodSync(partial, 0o600);
    const copy = open(partial);
    try {
      if (incarnation !== undefined) copy.prepare("delete from incarnations where incarnation = ?").run(incarnation);
      check(copy, path);
    } finally {
      copy.close();
    }
    syncPath(partial);
    renameSync(partial, path);
  } catch (error) {
    // Never fatal for the store: it is the copy that failed. A damaged source shows in the next commit.
    if (error instanceof OzError) throw error;
    if (sqliteTrouble(error) === "full") throw troubleError("full", path, error);
    const why = error instanceof Error ? error.message : String(error);
    throw new OzError("failed", `no backup could be written to ${path}: ${why}`, {
      hint: "The folder must exist and be writable for the control plane.",
      cause: error,
    });
  } finally {
    rmSync(partial, { force: true });
  }
  syncPath(dirname(path));
}

function check(copy: Database, path: string): void {
  const found = copy.pragma("integrity_check", { simple: true });
  if (found === "ok") return;
  throw new OzError("failed", `the copy for ${path} is damaged: ${String(found)}`, {
    hint: "The database itself may be damaged: look at the disk, and keep your older backups.",
  });
}
