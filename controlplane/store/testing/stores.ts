// Stores for tests: SQLite in a temporary directory, and PostgreSQL inside this process.
import { mkdtempSync, rmSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { quietLog } from "#core/log.ts";
import { OzError } from "#core/errors.ts";
import { systemClock } from "#core/system-clock.ts";
import { KyselyStore } from "../kysely-store.ts";
import { migrate } from "../migrate.ts";
import { allMigrations } from "../migrations/index.ts";
import { type OpenStoreOptions, openStore } from "../open-store.ts";
import type { Store } from "../store.ts";
import type { Tables } from "../tables.ts";

/** A directory that goes away with the test. */
export function temporaryDirectory(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "ozwald-store-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What openStore needs, with a fatal error that fails the test. */
export function storeOptions(dir: string, more: Partial<OpenStoreOptions> = {}): OpenStoreOptions {
  const onFatal = (error: OzError) => {
    throw error;
  };
  return { dir, clock: systemClock, random: randomBytes, log: quietLog, onFatal, ...more };
}

export async function openSqlite(dir: string, more: Partial<OpenStoreOptions> = {}): Promise<Store> {
  return openStore(storeOptions(dir, more));
}

/** The same store on PostgreSQL, in memory. */
export async function openPostgres(): Promise<Store> {
  const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: new PGlite() }) });
  await migrate(db, { kind: "postgres", migrations: allMigrations, now: Date.now() });
  const unsupported = new OzError("not_supported", "only SQLite is copied by the store");
  return KyselyStore.start(
    {
      db,
      trouble: () => undefined,
      troubleError: (_trouble, cause) => new OzError("store_failed", String(cause)),
      verify: () => {},
      backup: () => Promise.reject(unsupported),
      close: () => db.destroy(),
    },
    storeOptions(""),
  );
}
