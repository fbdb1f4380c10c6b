// The store on SQLite: settings of the connection, lock, incarnations, migrations, backups, and every way in which a step can fail.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import type { OzError } from "#core/errors.ts";
import { listEvents } from "./events.ts";
import { allMigrations } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";
import { databaseName, openStore } from "./open-store.ts";
import { listProjects, upsertProject } from "./projects.ts";
import { prune } from "./prune.ts";
import { openSqlite, storeOptions, temporaryDirectory } from "./testing/stores.ts";

const project = (name: string) => ({ name, files: "[]", settings: "{}", applied_at: 1 });

describe("opening", () => {
  it("makes a private directory and database, in WAL with full syncs and strict tables", async () => {
    using dir = temporaryDirectory();
    const state = join(dir.path, "state");
    await using store = await openSqlite(state);
    await store.commit(undefined, async () => {});
    expect(statSync(state).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(state)) {
      if (name.startsWith(databaseName))
        expect([name, statSync(join(state, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    const pragmas = await store.read(async (read) => ({
      ...(
        await sql<object>`select * from pragma_journal_mode, pragma_synchronous, pragma_foreign_keys, pragma_trusted_schema`.execute(
          read,
        )
      ).rows[0],
    }));
    expect(pragmas).toMatchObject({ journal_mode: "wal", synchronous: 2, foreign_keys: 1, trusted_schema: 0 });
    const tables = await store.read((read) => sql<{ name: string; strict: number }>`pragma table_list`.execute(read));
    const loose = tables.rows.filter((table) => table.strict === 0 && !table.name.startsWith("sqlite_"));
    expect(loose).toEqual([]);
  });

  it("keeps what was committed", async () => {
    using dir = temporaryDirectory();
    const first = await openSqlite(dir.path);
    await first.commit(undefined, ({ trx }) => upsertProject(trx, project("p")));
    const { revision } = first;
    await first[Symbol.asyncDispose]();
    await using second = await openSqlite(dir.path);
    expect(second.revision).toBe(revision + 1); // the incarnation of this start is a commit
    expect(await second.read(listProjects)).toHaveLength(1);
  });

  it("refuses a second store on the same directory, naming the process, until the first is closed", async () => {
    using dir = temporaryDirectory();
    const first = await openSqlite(dir.path);
    await expect(openSqlite(dir.path)).rejects.toMatchObject({
      code: "store_locked",
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await first[Symbol.asyncDispose]();
    await using second = await openSqlite(dir.path);
    expect(second.revision).toBe(2);
  });

  it("refuses a file that is no database, and a database of somebody else, without changing them", async () => {
    using dir = temporaryDirectory();
    const path = join(dir.path, databaseName);
    writeFileSync(path, "not a database, but long enough to be read as one ".repeat(100));
    await expect(openSqlite(dir.path)).rejects.toMatchObject({ code: "store_failed" });
    expect(readFileSync(path, "utf8")).toMatch(/^not a database/);
    rmSync(path);
    new Database(path).exec("create table theirs(x)").close();
    await expect(openSqlite(dir.path)).rejects.toMatchObject({
      code: "precondition",
      message: expect.stringContaining("theirs"),
    });
  });

  it("says which directory it cannot use", async () => {
    using dir = temporaryDirectory();
    const file = join(dir.path, "file");
    writeFileSync(file, "");
    await expect(openSqlite(join(file, "state"))).rejects.toMatchObject({
      code: "precondition",
      message: expect.stringContaining(file),
    });
  });

  it("refuses a damaged database", async () => {
    using dir = temporaryDirectory();
    const store = await openSqlite(dir.path);
    await store.commit(undefined, async ({ trx }) => {
      for (let i = 0; i < 200; i++) await upsertProject(trx, project(`project-${i}`.padEnd(200, "x")));
    });
    await store[Symbol.asyncDispose]();
    const path = join(dir.path, databaseName);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 8192, 8192 + 4096 * 8);
    writeFileSync(path, bytes);
    await expect(openSqlite(dir.path)).rejects.toMatchObject({ code: "store_failed" });
  });
});

describe("incarnations", () => {
  it("are all known after 500 starts, whatever was pruned", async () => {
    using dir = temporaryDirectory();
    const seen: string[] = [];
    for (let i = 0; i < 3; i++) {
      await using store = await openSqlite(dir.path);
      seen.push(store.incarnation);
    }
    const database = new Database(join(dir.path, databaseName));
    const insert = database.prepare("insert into incarnations values (?, 1, 0)");
    database.transaction(() => Array.from({ length: 497 }, (_, i) => insert.run(`start-${i}`)))();
    database.close();
    await using store = await openSqlite(dir.path);
    expect(await prune(store, { now: Date.now() + 1e12, keepRevisions: 1, keepOperations: 0 })).toBe(true);
    for (const incarnation of [...seen, "start-0", "start-496", store.incarnation])
      expect(store.knowsIncarnation(incarnation)).toBe(true);
    expect(new Set(seen).size).toBe(3);
    const rows = await store.read((read) => read.selectFrom("incarnations").select("incarnation").execute());
    expect(rows).toHaveLength(501);
    expect(store.epoch).toBe(1);
  });

  it("of an epoch that ended are not known to the next start", async () => {
    using dir = temporaryDirectory();
    const first = await openSqlite(dir.path);
    await first.bumpEpoch(7);
    await first[Symbol.asyncDispose]();
    await using second = await openSqlite(dir.path);
    expect(second.epoch).toBe(8);
    expect(second.knowsIncarnation(first.incarnation)).toBe(true);
    await second.bumpEpoch(0);
    expect(second.knowsIncarnation(first.incarnation)).toBe(false);
  });
});

describe("migrations", () => {
  const second: Migration = {
    version: 2,
    name: "second",
    async up(trx) {
      await trx.schema
        .createTable("extra")
        .addColumn("a", "text")
        .modifyEnd(sql`strict`)
        .execute();
      await trx.insertInto("extra").values({ a: "x" }).execute();
      await trx.updateTable("projects").set({ files: "moved" }).execute();
    },
  };
  const two = [...allMigrations, second];

  it("copy an existing database before they change it, and are refused by an older version afterwards", async () => {
    using dir = temporaryDirectory();
    const old = await openSqlite(dir.path);
    await old.commit(undefined, ({ trx }) => upsertProject(trx, project("p")));
    await old[Symbol.asyncDispose]();
    const fresh = await openStore(storeOptions(dir.path), two);
    expect(await fresh.read(listProjects)).toMatchObject([{ files: "moved" }]);
    await fresh[Symbol.asyncDispose]();
    const backups = readdirSync(join(dir.path, "backups"));
    expect(backups).toEqual([expect.stringMatching(/^schema-1-.*\.db$/)]);
    await expect(openSqlite(dir.path)).rejects.toMatchObject({ code: "store_newer" });

    renameSync(join(dir.path, "backups", backups[0] ?? ""), join(dir.path, databaseName));
    await using restored = await openSqlite(dir.path);
    expect(await restored.read(listProjects)).toMatchObject([{ files: "[]" }]);
  });

  it("leave the old schema or the new one, whichever statement fails", async () => {
    using dir = temporaryDirectory();
    await (await openSqlite(dir.path))[Symbol.asyncDispose]();
    let failures = 0;
    for (let n = 1; ; n++) {
      rmSync(join(dir.path, "backups"), { recursive: true, force: true });
      const attempt = openStore(storeOptions(dir.path, { onStatement: failAt(n) }), two);
      const opened = await attempt.catch((error: Error) => error);
      if (opened instanceof Error) {
        failures++;
        const database = new Database(join(dir.path, databaseName));
        const tables = database.prepare("select name from sqlite_master where name = 'extra'").all().length;
        const version = database.prepare("select max(version) from schema_migrations").pluck().get();
        database.close();
        expect([tables, version]).toEqual(tables === 0 ? [0, 1] : [1, 2]);
        continue;
      }
      await opened[Symbol.asyncDispose]();
      break;
    }
    expect(failures).toBeGreaterThan(8);
  });

  it("that would leave orphans are refused", async () => {
    using dir = temporaryDirectory();
    const orphans: Migration = {
      version: 2,
      name: "orphans",
      async up(trx) {
        await sql`insert into replicas values ('r', 'no such instance', '', '', 0, null, 1, '', '', '', 'run', '', '', '', 0)`.execute(
          trx,
        );
      },
    };
    await expect(openStore(storeOptions(dir.path), [...allMigrations, orphans])).rejects.toMatchObject({
      code: "internal",
    });
    await using store = await openSqlite(dir.path);
    expect(store.revision).toBe(1);
  });
});

describe("a commit", () => {
  it("is there as a whole or not at all, whichever statement fails", async () => {
    using dir = temporaryDirectory();
    let onStatement = (_sql: string) => {};
    await using store = await openSqlite(dir.path, { onStatement: (text) => onStatement(text) });
    let done = 0;
    for (let n = 1; done === 0; n++) {
      const before = store.revision;
      onStatement = failAt(n);
      const result = await store
        .commit(undefined, async ({ trx, event }) => {
          await upsertProject(trx, project(`a${n}`));
          await event({ kind: "test", subject: "s", message: `a${n}` });
          await upsertProject(trx, project(`b${n}`));
        })
        .catch((error: Error) => error);
      onStatement = () => {};
      const names = (await store.read(listProjects)).map((row) => row.name);
      const events = await store.read((read) => listEvents(read, { subject: "s" }));
      if (result instanceof Error) {
        expect(result.message).toBe(`statement ${n} failed`);
        expect([names, events, store.revision]).toEqual([[], [], before]);
      } else {
        done = n;
        expect(names).toEqual([`a${n}`, `b${n}`]);
        expect([events.length, store.revision]).toEqual([1, before + 1]);
      }
    }
    expect(done).toBe(7); // begin, revision, two projects, event, commit: each failed once
  });

  it("reports a query whose await is missing instead of writing it after the commit", async () => {
    using dir = temporaryDirectory();
    await using store = await openSqlite(dir.path);
    let late: Promise<unknown> = Promise.resolve();
    await store.commit(undefined, async ({ trx }) => {
      const gate = new Promise((resolve) => setTimeout(resolve, 20));
      late = gate.then(() => upsertProject(trx, project("late"))).catch((error: Error) => error.message);
    });
    expect(await late).toMatch(/await|committed/);
    expect(await store.read(listProjects)).toEqual([]);
  });

  it("rolls back a callback that awaits something else for too long", async () => {
    using dir = temporaryDirectory();
    let ring = () => {};
    const clock = { now: () => 1, after: (_delayMs: number, fn: () => void) => ((ring = fn), { cancel: () => {} }) };
    await using store = await openSqlite(dir.path, { clock });
    const stuck = store.commit(undefined, async ({ trx }) => {
      await upsertProject(trx, project("stuck"));
      ring();
      await new Promise(() => {});
    });
    await expect(stuck).rejects.toMatchObject({ code: "timeout" });
    expect(await store.read(listProjects)).toEqual([]);
  });

  it("cannot be made by a read", async () => {
    using dir = temporaryDirectory();
    await using store = await openSqlite(dir.path);
    const writing = store.read((read) => read.insertInto("meta").values({ key: "a", value: "b" }).execute());
    await expect(writing).rejects.toMatchObject({ code: "internal" });
  });

  it("ends the store when it could not be rolled back: it would slip into the next one", async () => {
    using dir = temporaryDirectory();
    const fatal: OzError[] = [];
    const onStatement = (text: string) => {
      if (text === "rollback") throw new Error("no");
    };
    await using store = await openSqlite(dir.path, { onFatal: (error) => fatal.push(error), onStatement });
    const failing = store.commit(undefined, async () => {
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toMatchObject({ code: "store_failed" });
    await expect(store.commit(undefined, async () => {})).rejects.toMatchObject({ code: "store_failed" });
    expect(fatal).toHaveLength(1);
  });

  it("tells every listener, also after one that throws", async () => {
    using dir = temporaryDirectory();
    await using store = await openSqlite(dir.path);
    const told: number[] = [];
    store.onCommit(() => {
      throw new Error("not my day");
    });
    store.onCommit((revision) => told.push(revision));
    await store.commit(undefined, async () => {});
    expect(told).toEqual([store.revision]);
  });
});

describe("a failing disk", () => {
  it("ends the store: no acknowledgement, one fatal error, nothing afterwards", async () => {
    using dir = temporaryDirectory();
    const fatal: OzError[] = [];
    let failing = false;
    const onStatement = (text: string) => {
      if (failing && text === "commit")
        throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" });
    };
    await using store = await openSqlite(dir.path, { onFatal: (error) => fatal.push(error), onStatement });
    failing = true;
    const first = store.commit(undefined, ({ trx }) => upsertProject(trx, project("p")));
    const waiting = store.commit(undefined, async () => {});
    await expect(first).rejects.toMatchObject({
      code: "store_failed",
      message: expect.stringContaining("SQLITE_IOERR_FSYNC"),
    });
    await expect(waiting).rejects.toMatchObject({ code: "store_failed" });
    failing = false;
    await expect(store.read(listProjects)).rejects.toMatchObject({ code: "store_failed" });
    expect(fatal).toHaveLength(1);
  });

  it("ends the store when its file was taken away", async () => {
    using dir = temporaryDirectory();
    const fatal: OzError[] = [];
    await using store = await openSqlite(dir.path, { onFatal: (error) => fatal.push(error) });
    rmSync(join(dir.path, databaseName));
    await expect(store.commit(undefined, async () => {})).rejects.toMatchObject({ code: "store_failed" });
    expect(fatal).toHaveLength(1);
  });
});

describe("a backup", () => {
  it("is a whole database without the incarnation whose commits go on", async () => {
    using dir = temporaryDirectory();
    const path = join(dir.path, "copy.db");
    await using store = await openSqlite(join(dir.path, "state"));
    await Promise.all([
      store.commit(undefined, ({ trx }) => upsertProject(trx, project("before"))),
      store.backup(path),
      store.commit(undefined, ({ trx }) => upsertProject(trx, project("after"))),
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await expect(store.backup(path)).rejects.toMatchObject({ code: "already_exists" });

    using restored = temporaryDirectory();
    renameSync(path, join(restored.path, databaseName));
    await using other = await openSqlite(restored.path);
    expect((await other.read(listProjects)).map((row) => row.name)).toEqual(["before"]);
    expect(other.knowsIncarnation(store.incarnation)).toBe(false);
  });

  it("leaves nothing when it cannot be written", async () => {
    using dir = temporaryDirectory();
    await using store = await openSqlite(dir.path);
    const path = join(dir.path, "missing", "copy.db");
    await expect(store.backup(path)).rejects.toMatchObject({ code: "failed", message: expect.stringContaining(path) });
    expect(existsSync(path)).toBe(false);
    await store.commit(undefined, async () => {}); // a wrong path is no failing disk
  });
});

/** Makes the n-th statement from now on fail, once. */
function failAt(n: number): (sql: string) => void {
  let count = 0;
  return () => {
    if (++count === n) throw new Error(`statement ${n} failed`);
  };
}
