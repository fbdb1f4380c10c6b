// The store on any database that kysely speaks: commits one after the other, each one revision; reads between them.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Kysely } from "kysely";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { type RandomBytes, randomId } from "#core/ids.ts";
import type { Log } from "#core/log.ts";
import type { Trouble } from "./sqlite-trouble.ts";
import type { Commit, NewEvent, Read, Store, Write } from "./store.ts";
import type { Tables } from "./tables.ts";

/** What differs between databases. */
export type Backend = {
  readonly db: Kysely<Tables>;
  /** What an error means; undefined when it is the caller's own. */
  trouble(error: unknown): Trouble | undefined;
  /** The error to show for it. */
  troubleError(trouble: Trouble, cause: unknown): OzError;
  /** Throws when what was committed did not go to the files that were opened. Called before each acknowledgement. */
  verify(): void;
  /** Copies the database. incarnation: the one to leave out of the copy. */
  backup(path: string, incarnation: string): Promise<void>;
  close(): Promise<void>;
};

export type StoreParts = { clock: Clock; random: RandomBytes; log: Log; onFatal(error: OzError): void };

/** A callback holds up everybody, so it gets this long, in milliseconds. It should await nothing but its own queries. */
const callbackLimitMs = 10_000;
/** Reads and commits that may wait for their turn. More means that something floods the store. */
const maxWaiting = 10_000;

type Scope = { readonly store: KyselyStore; open: boolean };
const scopes = new AsyncLocalStorage<Scope>();

export class KyselyStore implements Store {
  readonly #backend: Backend;
  readonly #parts: StoreParts;
  readonly #listeners = new Set<(revision: number) => void>();
  readonly #incarnations = new Set<string>();
  #revision = 0;
  #epoch = 0;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failure: OzError | undefined;
  #closed = false;
  readonly incarnation: string;

  /** Use start(). */
  private constructor(backend: Backend, parts: StoreParts) {
    this.#backend = backend;
    this.#parts = parts;
    this.incarnation = randomId(parts.random, 20);
  }

  /** A store on a migrated database. The new incarnation is on disk when this returns. */
  static async start(backend: Backend, parts: StoreParts): Promise<KyselyStore> {
    const store = new KyselyStore(backend, parts);
    await store.read(async (read) => {
      const epoch = await read.selectFrom("meta").select("value").where("key", "=", "cluster_epoch").executeTakeFirst();
      store.#epoch = Number(epoch?.value ?? "1");
      const rows = await read
        .selectFrom("incarnations")
        .select("incarnation")
        .where("epoch", "=", store.#epoch)
        .execute();
      for (const row of rows) store.#incarnations.add(row.incarnation);
    });
    await store.commit(undefined, async ({ trx }) => {
      const row = { incarnation: store.incarnation, epoch: store.#epoch, started_at: parts.clock.now() };
      await trx.insertInto("incarnations").values(row).execute();
    });
    store.#incarnations.add(store.incarnation);
    return store;
  }

  get revision(): number {
    return this.#revision;
  }

  get epoch(): number {
    return this.#epoch;
  }

  knowsIncarnation(incarnation: string): boolean {
    return this.#incarnations.has(incarnation);
  }

  onCommit(listener: (revision: number) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async read<T>(fn: (read: Read) => Promise<T>): Promise<T> {
    return this.#inTurn("read", () =>
      this.#guarded(() => this.#backend.db.connection().execute((read) => this.#limited("read", fn(read)))),
    );
  }

  async commit<T>(expectedRevision: number | undefined, fn: (commit: Commit) => Promise<T>): Promise<T> {
    return this.#inTurn("commit", async () => {
      let revision = 0;
      const result = await this.#guarded(async () => {
        const done = await this.#backend.db.transaction().execute(async (trx) => {
          revision = await raiseRevision(trx, expectedRevision);
          return this.#limited("commit", fn(this.#commitOf(trx, revision)));
        });
        this.#backend.verify();
        return done;
      });
      this.#revision = revision;
      this.#tell(revision);
      return result;
    });
  }

  async bumpEpoch(above: number): Promise<number> {
    if (!Number.isSafeInteger(above) || above < 0) throw new OzError("bad_request", `${above} is no epoch`);
    const { incarnation } = this;
    const epoch = await this.commit(undefined, async ({ trx, event }) => {
      const next = Math.max(above, this.#epoch) + 1;
      await trx
        .updateTable("meta")
        .set({ value: String(next) })
        .where("key", "=", "cluster_epoch")
        .execute();
      await trx.updateTable("incarnations").set({ epoch: next }).where("incarnation", "=", incarnation).execute();
      await event({ kind: "cluster.epoch", subject: "cluster", message: `took over as the authority (${next})` });
      return next;
    });
    this.#epoch = epoch;
    this.#incarnations.clear();
    this.#incarnations.add(incarnation);
    return epoch;
  }

  async backup(path: string): Promise<void> {
    await this.#inTurn("backup", () => this.#guarded(() => this.#backend.backup(path, this.incarnation)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#tail;
    await this.#backend.close();
  }

  #commitOf(trx: Write, revision: number): Commit {
    let ordinal = 0;
    const at = this.#parts.clock.now();
    const event = async ({ actor = "", ...event }: NewEvent): Promise<void> => {
      const row = { revision, ordinal: ordinal++, at, actor, ...event };
      await trx.insertInto("events").values(row).execute();
    };
    return { trx, revision, event };
  }

  /** One after the other: whoever comes next sees the revision and the rows of the same moment, and listeners have been told. */
  async #inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#mayStart(what);
    if (this.#waiting >= maxWaiting) {
      throw new OzError("limit", `${maxWaiting} reads and commits are waiting for the disk`, {
        hint: "Try again in a moment.",
      });
    }
    this.#waiting++;
    const before = this.#tail;
    const mine = Promise.withResolvers<void>();
    this.#tail = mine.promise;
    await before;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      return await work();
    } finally {
      this.#waiting--;
      mine.resolve();
    }
  }

  #mayStart(what: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new OzError("unavailable", "the store is closed");
    const scope = scopes.getStore();
    if (scope?.open === true && scope.store === this) {
      throw new OzError("internal", `a ${what} inside a read or commit of the same store would wait for itself`);
    }
  }

  /** Runs work where nested calls are noticed; turns errors of the disk into what the store promises. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    const scope: Scope = { store: this, open: true };
    try {
      return await scopes.run(scope, work);
    } catch (error) {
      const trouble = this.#backend.trouble(error);
      if (trouble === undefined) throw error;
      const shown = this.#backend.troubleError(trouble, error);
      if (trouble === "fatal") this.#fail(shown);
      throw shown;
    } finally {
      scope.open = false;
    }
  }

  #fail(error: OzError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#parts.log.error({ err: error }, "the store failed");
    this.#parts.onFatal(error);
  }

  /** Ends a callback that awaits something else than its queries: its transaction rolls back. */
  async #limited<T>(what: string, work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = this.#parts.clock.after(callbackLimitMs, () => {
      late.reject(
        new OzError("timeout", `a ${what} of the store took longer than ${callbackLimitMs / 1000} s and was ended`),
      );
    });
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  #tell(revision: number): void {
    for (const listener of this.#listeners) {
      try {
        listener(revision);
      } catch (error) {
        this.#parts.log.error({ err: error, revision }, "a listener of the store threw");
      }
    }
  }
}

/** The first statement of every commit. On a server database its row lock also makes commits wait for each other. */
async function raiseRevision(trx: Write, expected: number | undefined): Promise<number> {
  const { n } = await trx
    .updateTable("revision")
    .set((eb) => ({ n: eb("n", "+", 1) }))
    .where("id", "=", 1)
    .returning("n")
    .executeTakeFirstOrThrow();
  if (expected !== undefined && n !== expected + 1) {
    throw new OzError("conflict", `store is at revision ${n - 1}, not at ${expected}`, {
      hint: "Somebody else changed it in between; plan again.",
    });
  }
  return n;
}
