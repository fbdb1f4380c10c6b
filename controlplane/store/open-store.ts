// Opens the store of a state directory on SQLite: lock, settings of the connection, migrations, a new incarnation.
import { closeSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Kysely } from "kysely";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { RandomBytes } from "#core/ids.ts";
import type { Log } from "#core/log.ts";
import { backupSqlite } from "./backup-sqlite.ts";
import { privateDirectory, syncPath } from "./durable-file.ts";
import { type Backend, KyselyStore } from "./kysely-store.ts";
import { migrate } from "./migrate.ts";
import { allMigrations } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";
import { type OnStatement, sqliteDialect } from "./sqlite-dialect.ts";
import { sqliteTrouble, troubleError } from "./sqlite-trouble.ts";
import { lockState } from "./state-lock.ts";
import type { Store } from "./store.ts";
import type { Tables } from "./tables.ts";

export type OpenStoreOptions = {
  /** State directory; made with mode 0700 when missing. Not on a network file system. */
  dir: string;
  clock: Clock;
  random: RandomBytes;
  log: Log;
  /** The addon itself, where there is no node_modules to find it in (native-addon.ts). */
  nativeBinding?: object;
  /** Called once when the disk failed under the store. The program has to end: only opening again recovers. */
  onFatal(error: OzError): void;
  /** Failure tests and tracing; see OnStatement. */
  onStatement?: OnStatement;
};

export const databaseName = "controlplane.db";

/**
 * Opens or makes the store. Throws store_locked when another process has it, store_newer when a newer version wrote it,
 * disk_full and store_failed as the disk says. migrations: only tests pass their own.
 */
export async function openStore(
  options: OpenStoreOptions,
  migrations: readonly Migration[] = allMigrations,
): Promise<Store> {
  const { dir } = options;
  const path = join(dir, databaseName);
  await using undo = new AsyncDisposableStack();
  try {
    privateDirectory(dir);
    const lock = undo.use(lockState(dir, options.nativeBinding));
    const database = undo.adopt(connect(path, options.nativeBinding), (opened) => void opened.close());
    const db = new Kysely<Tables>({ dialect: sqliteDialect(database, options.onStatement) });
    const open = (file: string) => openDatabase(file, options.nativeBinding);
    const { from, to } = await migrate(db, {
      kind: "sqlite",
      migrations,
      now: options.clock.now(),
      backup: async (version) => backupBeforeMigration(database, dir, version, options.clock.now(), open),
    });
    if (from !== to) options.log.info({ from, to, path }, "database schema brought up to date");
    database.pragma("foreign_keys = on"); // off until here: migrations rebuild tables and check at their end
    syncPath(dir);
    const store = await KyselyStore.start(sqliteBackend({ db, database, path, lock, open }), options);
    requireFull(database);
    undo.move();
    return store;
  } catch (error) {
    throw openingError(error, dir, path);
  }
}

function openingError(error: unknown, dir: string, path: string): unknown {
  const trouble = sqliteTrouble(error);
  if (trouble !== undefined) return troubleError(trouble, path, error);
  const code: unknown = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  if (typeof code !== "string" || !/^E[A-Z]+$/.test(code)) return error;
  return new OzError("precondition", `the state directory ${dir} cannot be used: ${(error as Error).message}`, {
    hint: "Run as the user that it belongs to (usually root), or choose another directory.",
    cause: error,
  });
}

function openDatabase(path: string, nativeBinding: object | undefined): Database.Database {
  // The types know only a path; the addon object is supported and is what a single executable has.
  return new Database(path, nativeBinding === undefined ? {} : { nativeBinding: nativeBinding as unknown as string });
}

function connect(path: string, nativeBinding: object | undefined): Database.Database {
  closeSync(openSync(path, "a", 0o600)); // SQLite gives its other files the mode of this one
  const database = openDatabase(path, nativeBinding);
  try {
    const mode = database.pragma("journal_mode = wal", { simple: true });
    if (mode !== "wal")
      throw new OzError("store_failed", `the file system under ${path} cannot do write-ahead logging`);
    // After journal_mode: better-sqlite3 is built so that WAL falls back to NORMAL, which loses acknowledged commits on a power cut.
    database.pragma("synchronous = full");
    database.pragma("busy_timeout = 5000"); // somebody may look with the sqlite3 shell
    database.pragma("foreign_keys = off");
    database.pragma("trusted_schema = off");
    database.pragma("cell_size_check = on");
    database.pragma("temp_store = memory");
    database.pragma("journal_size_limit = 16777216"); // bytes that the log keeps after a checkpoint
    const damage = database.pragma("quick_check(1)", { simple: true });
    if (damage !== "ok")
      throw new OzError("store_failed", `the database ${path} is damaged: ${String(damage)}`, { hint: restoreHint });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const restoreHint = "Nothing was changed. Restore a backup (folder backups beside it), and look at the disk.";

/** Proves that the setting held through the first write, which is where the compiled-in default comes back. */
function requireFull(database: Database.Database): void {
  const level = database.pragma("synchronous", { simple: true });
  if (level !== 2)
    throw new OzError("store_failed", `SQLite runs with synchronous=${String(level)}; a power cut would lose commits`);
}

function backupBeforeMigration(
  source: Database.Database,
  dir: string,
  version: number,
  now: number,
  open: (path: string) => Database.Database,
): void {
  const backups = join(dir, "backups");
  privateDirectory(backups);
  const at = new Date(now).toISOString().replaceAll(":", "").replace(".", "");
  backupSqlite({ source, path: join(backups, `schema-${version}-${at}.db`), open });
}

type Opened = {
  db: Kysely<Tables>;
  database: Database.Database;
  path: string;
  lock: Disposable;
  open(path: string): Database.Database;
};

function sqliteBackend({ db, database, path, lock, open }: Opened): Backend {
  const opened = statSync(path);
  return {
    db,
    trouble: sqliteTrouble,
    troubleError: (trouble, cause) => troubleError(trouble, path, cause),
    verify() {
      const present = statSync(path, { throwIfNoEntry: false });
      if (present?.ino === opened.ino && present.dev === opened.dev) return;
      throw new OzError("store_failed", `the database ${path} was removed or replaced while it was open`, {
        hint: "Put the file back or start with the new one; stop the control plane before touching its state.",
      });
    },
    async backup(target, incarnation) {
      // Held for the whole copy, so that no transaction is open on the connection.
      await db.connection().execute(async () => backupSqlite({ source: database, path: target, open, incarnation }));
    },
    async close() {
      await db.destroy();
      database.close(); // kysely closes only what it has used
      lock[Symbol.dispose]();
    },
  };
}
