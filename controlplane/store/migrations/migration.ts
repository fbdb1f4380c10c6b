// What a migration is. Forward only: a released one never changes, a new one is added to index.ts.
import type { Transaction } from "kysely";

/** The two kinds of database that the same store runs on. */
export type DatabaseKind = "sqlite" | "postgres";

export type Migration = {
  /** 1, 2, 3 … without a gap. */
  readonly version: number;
  readonly name: string;
  /** Runs in one transaction. The tables are those of its own time, so they have no type. */
  up(trx: Transaction<Record<string, Record<string, unknown>>>, kind: DatabaseKind): Promise<void>;
};
