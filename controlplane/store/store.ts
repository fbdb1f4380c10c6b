// The store as the rest of the control plane sees it: read, commit, listen. One writer; each commit raises the revision by one.
import type { Kysely, Transaction } from "kysely";
import type { Tables } from "./tables.ts";

/** A consistent view. Await only queries made on it: everything else waits meanwhile. */
export type Read = Kysely<Tables> | Transaction<Tables>;

/** A running commit. Await only queries made on it. */
export type Write = Transaction<Tables> & { readonly __write?: never };

export type NewEvent = { kind: string; subject: string; message: string; actor?: string };

export type Commit = {
  readonly trx: Write;
  /** Revision this commit will have. */
  readonly revision: number;
  /** Writes an event in this commit. */
  event(event: NewEvent): Promise<void>;
};

export interface Store {
  /** Revision of the last commit. */
  readonly revision: number;
  /** Cluster epoch; see bumpEpoch. */
  readonly epoch: number;
  /** Random per start; in the table of incarnations before open() returns. */
  readonly incarnation: string;
  read<T>(fn: (read: Read) => Promise<T>): Promise<T>;
  /**
   * Runs fn in one transaction. With expectedRevision set, throws OzError conflict when another commit came first.
   * A disk error is fatal: onFatal is called, nothing is acknowledged, and every later call throws store_failed.
   * A full disk throws disk_full and leaves everything as it was.
   */
  commit<T>(expectedRevision: number | undefined, fn: (commit: Commit) => Promise<T>): Promise<T>;
  /** Called after every commit with its revision, never before it is on disk. */
  onCommit(listener: (revision: number) => void): Disposable;
  /** True when the incarnation is part of this history. */
  knowsIncarnation(incarnation: string): boolean;
  /** Makes this store the authority: raises the epoch above the given one (restore, takeover). */
  bumpEpoch(above: number): Promise<number>;
  /** Copies the database to a file, checked and synced before it takes its name. */
  backup(path: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
