// Brings a database to the newest schema: forward only, one transaction a step, a backup before the first step.
import { type Kysely, sql } from "kysely";
import { OzError } from "#core/errors.ts";
import type { DatabaseKind, Migration } from "./migrations/migration.ts";
import type { Tables } from "./tables.ts";

type Untyped = Kysely<Record<string, Record<string, unknown>>>;

export type MigrateOptions = {
  kind: DatabaseKind;
  migrations: readonly Migration[];
  /** Milliseconds since 1970, written beside each step. */
  now: number;
  /** Called with the present version before an existing database is changed. */
  backup?: (fromVersion: number) => Promise<void>;
};

/**
 * Runs what is missing. Returns the version before and after; 0 is an empty database.
 * Throws store_newer when the database knows more than we do, precondition when it is not ours.
 */
export async function migrate(store: Kysely<Tables>, options: MigrateOptions): Promise<{ from: number; to: number }> {
  const db = store as unknown as Untyped;
  const from = await schemaVersion(store);
  const newest = options.migrations.length;
  if (from > newest) {
    throw new OzError("store_newer", `the database has schema ${from}; this version knows up to ${newest}`, {
      hint: "Start the newer version again, or restore a backup made before it (folder backups beside the database).",
    });
  }
  if (from > 0 && from < newest) await options.backup?.(from);
  for (const migration of options.migrations.slice(from)) await step(db, migration, options);
  return { from, to: newest };
}

/** Version of the schema in the database; 0 when it is empty. */
export async function schemaVersion(store: Kysely<Tables>): Promise<number> {
  const db = store as unknown as Untyped;
  const tables = await db.introspection.getTables();
  if (tables.length === 0) return 0;
  if (!tables.some((table) => table.name === "schema_migrations")) {
    throw new OzError("precondition", `the database belongs to another program: it has the table ${tables[0]?.name}`, {
      hint: "Give the control plane a state directory of its own.",
    });
  }
  const row = await db
    .selectFrom("schema_migrations")
    .select((eb) => eb.fn.max("version").as("version"))
    .executeTakeFirst();
  return Number(row?.version ?? 0);
}

async function step(db: Untyped, migration: Migration, { kind, now }: MigrateOptions): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema
      .createTable("schema_migrations")
      .ifNotExists()
      .addColumn("version", "integer", (c) => c.primaryKey())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("applied_at", kind === "sqlite" ? "integer" : "bigint", (c) => c.notNull())
      .$call((table) => (kind === "sqlite" ? table.modifyEnd(sql`strict`) : table))
      .execute();
    await migration.up(trx, kind);
    if (kind === "sqlite") {
      const broken = await sql<{ table: string }>`pragma foreign_key_check`.execute(trx);
      if (broken.rows.length > 0) {
        throw new OzError(
          "internal",
          `migration ${migration.version} would leave rows of ${broken.rows[0]?.table} without their parents.`,
        );
      }
    }
    await trx
      .insertInto("schema_migrations")
      .values({ version: migration.version, name: migration.name, applied_at: now })
      .execute();
  });
}
