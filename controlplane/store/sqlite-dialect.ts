// Kysely on the one better-sqlite3 connection of the store. Kysely's own driver begins deferred transactions, prepares every
// statement again and lets a query that was not awaited run after its transaction ended; this one does not.
import type { Database, Statement } from "better-sqlite3";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { OzError } from "#core/errors.ts";

/** Called with every statement before it runs. What it throws, the statement throws: failure tests fail the n-th one. */
export type OnStatement = (sql: string) => void;

const maxStatements = 256;

/** One statement text, one prepared statement; the oldest goes when there are too many. */
class StatementCache {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();
  constructor(database: Database) {
    this.#database = database;
  }
  get(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    const oldest = this.#statements.size < maxStatements ? undefined : this.#statements.keys().next().value;
    if (oldest !== undefined) this.#statements.delete(oldest);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** The connection for the time somebody holds it. It ends with its transaction, so that nothing can be written after the commit. */
class Lease implements DatabaseConnection {
  readonly #statements: StatementCache;
  readonly #onStatement: OnStatement | undefined;
  #state: "reading" | "writing" | "ended" = "reading";
  constructor(statements: StatementCache, onStatement: OnStatement | undefined) {
    this.#statements = statements;
    this.#onStatement = onStatement;
  }

  control(sql: "begin immediate" | "commit" | "rollback"): void {
    this.#onStatement?.(sql);
    this.#statements.get(sql).run();
    this.#state = sql === "begin immediate" ? "writing" : "ended";
  }

  end(): void {
    this.#state = "ended";
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#state === "ended") {
      throw new OzError("internal", `a query came after its transaction had ended; an await is missing: ${sql}`);
    }
    this.#onStatement?.(sql);
    const statement = this.#statements.get(sql);
    if (this.#state === "reading" && !statement.readonly) {
      throw new OzError("internal", `a read tried to write: ${sql}`);
    }
    if (statement.reader) return { rows: statement.all(...parameters) as R[] };
    const { changes, lastInsertRowid } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new OzError("internal", "the store does not stream rows: a slow reader would hold up every commit");
  }
}

class SqliteDriver implements Driver {
  readonly #database: Database;
  readonly #statements: StatementCache;
  readonly #onStatement: OnStatement | undefined;
  constructor(database: Database, onStatement: OnStatement | undefined) {
    this.#database = database;
    this.#statements = new StatementCache(database);
    this.#onStatement = onStatement;
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<Lease> {
    return new Lease(this.#statements, this.#onStatement);
  }
  async beginTransaction(lease: DatabaseConnection): Promise<void> {
    (lease as Lease).control("begin immediate");
  }
  async commitTransaction(lease: DatabaseConnection): Promise<void> {
    (lease as Lease).control("commit");
  }
  async rollbackTransaction(lease: DatabaseConnection): Promise<void> {
    // A full disk rolls back by itself; rolling back again would hide the error that matters.
    try {
      if (this.#database.inTransaction) (lease as Lease).control("rollback");
    } catch (cause) {
      // The transaction is still open; the next commit would be made together with it.
      throw new OzError("store_failed", `a transaction could not be rolled back: ${String(cause)}`, { cause });
    }
    (lease as Lease).end();
  }
  async releaseConnection(lease: DatabaseConnection): Promise<void> {
    (lease as Lease).end();
  }
  async destroy(): Promise<void> {
    this.#database.close();
  }
}

/** The dialect of the store's connection. Destroying kysely closes the database. */
export function sqliteDialect(database: Database, onStatement?: OnStatement): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(database, onStatement),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}
