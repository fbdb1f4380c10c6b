// What a store promises, on every database it runs on.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OzError } from "#core/errors.ts";
import { prune } from "./prune.ts";
import { eventsAfter, listEvents, oldestRevision } from "./events.ts";
import { hostById, listHosts, removeHost, removedHostIds, updateHost, upsertHost } from "./hosts.ts";
import { deleteInstances, listInstances, upsertInstance } from "./instances.ts";
import { createInvite, deleteInvites, inviteById, takeInvite } from "./invites.ts";
import {
  insertOperation,
  listOperations,
  operationById,
  operationByKey,
  runningOperations,
  updateOperation,
} from "./operations.ts";
import { listProjects, upsertProject } from "./projects.ts";
import { deleteReplica, insertReplica, listReplicas, updateReplica } from "./replicas.ts";
import { deleteToken, insertToken, listTokens, tokenById } from "./tokens.ts";
import type { Store, Write } from "./store.ts";
import type { HostTable, InstanceTable, ReplicaTable } from "./tables.ts";
import { openPostgres, openSqlite, temporaryDirectory } from "./testing/stores.ts";

const kinds: [string, () => Promise<{ store: Store; end(): Promise<void> }>][] = [
  [
    "SQLite",
    async () => {
      const dir = temporaryDirectory();
      const store = await openSqlite(dir.path);
      const end = async () => {
        await store[Symbol.asyncDispose]();
        dir[Symbol.dispose]();
      };
      return { store, end };
    },
  ],
  [
    "PostgreSQL",
    async () => {
      const store = await openPostgres();
      return { store, end: () => store[Symbol.asyncDispose]() };
    },
  ],
];

const time = 1_790_000_000_000; // needs more than 32 bits

describe.each(kinds)("a store on %s", (_kind, open) => {
  let store: Store;
  let end: () => Promise<void>;
  beforeAll(async () => ({ store, end } = await open()));
  afterAll(() => end());
  const write = <T>(fn: (trx: Write) => Promise<T>) => store.commit(undefined, ({ trx }) => fn(trx));

  it("raises the revision by one with each commit and says so after it", async () => {
    const before = store.revision;
    const told: number[] = [];
    using _listener = store.onCommit((revision) => told.push(revision));
    const seen = await Promise.all([1, 2, 3].map(() => store.commit(undefined, async ({ revision }) => revision)));
    expect(seen).toEqual([before + 1, before + 2, before + 3]);
    expect(told).toEqual(seen);
    expect(store.revision).toBe(before + 3);
  });

  it("leaves nothing behind when the callback throws", async () => {
    const before = store.revision;
    const told: number[] = [];
    using _listener = store.onCommit((revision) => told.push(revision));
    const failing = store.commit(undefined, async ({ trx, event }) => {
      await upsertHost(trx, host("gone"));
      await event({ kind: "test", subject: "host/gone", message: "never" });
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await store.read((read) => hostById(read, "gone"))).toBeUndefined();
    expect(await store.read((read) => listEvents(read, { subject: "host/gone" }))).toEqual([]);
    expect([store.revision, told]).toEqual([before, []]);
  });

  it("refuses a commit that was planned on an older revision", async () => {
    const planned = store.revision;
    await store.commit(planned, async () => {});
    await expect(store.commit(planned, ({ trx }) => upsertHost(trx, host("late")))).rejects.toMatchObject({
      code: "conflict",
    });
    expect(await store.read((read) => hostById(read, "late"))).toBeUndefined();
    await store.commit(planned + 1, async () => {});
  });

  it("lets exactly one of many through that were planned on the same revision", async () => {
    const planned = store.revision;
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => store.commit(planned, async () => {})));
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(store.revision).toBe(planned + 1);
  });

  it("shows a read the rows and the revision of one moment", async () => {
    const stop = new AbortController();
    const writer = (async () => {
      while (!stop.signal.aborted) {
        await store.commit(undefined, async ({ trx, revision }) => {
          await upsertHost(trx, host("a", { last_heard_at: revision }));
          await upsertHost(trx, host("b", { last_heard_at: revision }));
        });
      }
    })();
    for (let i = 0; i < 20; i++) {
      const seen = await store.read(async (read) => {
        const a = await hostById(read, "a");
        await new Promise((resolve) => setImmediate(resolve));
        return [a?.last_heard_at, (await hostById(read, "b"))?.last_heard_at, a && store.revision];
      });
      expect(new Set(seen).size, String(seen)).toBe(1);
    }
    stop.abort();
    await writer;
  });

  it("notices a nested read or commit instead of waiting for itself", async () => {
    const nested = store.commit(undefined, () => store.read(async () => 1));
    await expect(nested).rejects.toMatchObject({ code: "internal" });
    await expect(store.read(() => store.commit(undefined, async () => 1))).rejects.toMatchObject({ code: "internal" });
    await expect(store.read(async () => 1)).resolves.toBe(1);
  });

  it("knows every incarnation of its epoch and forgets those before a takeover", async () => {
    expect(store.knowsIncarnation(store.incarnation)).toBe(true);
    expect(store.knowsIncarnation("somebody else's")).toBe(false);
    const epoch = store.epoch;
    expect(await store.bumpEpoch(epoch + 41)).toBe(epoch + 42);
    expect(store.epoch).toBe(epoch + 42);
    expect(store.knowsIncarnation(store.incarnation)).toBe(true);
    expect(await store.bumpEpoch(1)).toBe(epoch + 43);
    await expect(store.bumpEpoch(-1)).rejects.toMatchObject({ code: "bad_request" });
    const rows = await store.read((read) => read.selectFrom("incarnations").selectAll().execute());
    expect(rows).toMatchObject([{ incarnation: store.incarnation, epoch: epoch + 43 }]);
  });

  it("keeps hosts", async () => {
    await write(async (trx) => {
      await upsertHost(trx, host("h1", { name: "beta" }));
      await upsertHost(trx, host("h2", { name: "alpha" }));
      await updateHost(trx, "h2", { address: "10.0.0.2" });
    });
    const names = (await store.read(listHosts)).map((row) => row.name);
    expect(names.filter((name) => ["alpha", "beta"].includes(name))).toEqual(["alpha", "beta"]);
    expect(await store.read((read) => hostById(read, "h2"))).toEqual(
      host("h2", { name: "alpha", address: "10.0.0.2" }),
    );
    await expect(write((trx) => upsertHost(trx, host("h3", { name: "beta" })))).rejects.toThrow();
    await write((trx) => removeHost(trx, "h1"));
    await write((trx) => upsertHost(trx, host("h3", { name: "beta" })));
    expect((await store.read(listHosts)).find((row) => row.name === "beta")?.id).toBe("h3");
    expect((await store.read((read) => hostById(read, "h1")))?.state).toBe("removed");
    expect(await store.read(removedHostIds)).toEqual(["h1"]);
  });

  it("lets exactly one of twenty use an invitation, and tells the others why not", async () => {
    const right = (hash: string): boolean => hash === "hash";
    const use = (id: string, now = time, secretMatches = right) =>
      write((trx) => takeInvite(trx, { id, secretMatches, usedBy: "h9", now }));
    const invite = { secretHash: "hash", hostName: "box", now: time, ttlMs: 900_000 };
    await write(async (trx) => {
      for (const id of ["i1", "i2", "i3"]) await createInvite(trx, { id, ...invite });
    });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => use("i1")));
    const taken = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(taken).toMatchObject([{ id: "i1", host_name: "box", used_by: "h9", used_at: time }]);
    const refusals = results.flatMap((result) => (result.status === "rejected" ? [result.reason as OzError] : []));
    expect(new Set(refusals.map((error) => `${error.code}: ${error.message}`))).toEqual(
      new Set([`unauthenticated: the join token was used already, at ${new Date(time).toISOString()}`]),
    );
    await expect(use("i2", time + 900_000)).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("ended at"),
    });
    const unknown = "the join token is not known here";
    await expect(use("nobody")).rejects.toMatchObject({ code: "unauthenticated", message: unknown });
    await expect(use("i3", time, () => false)).rejects.toMatchObject({ code: "unauthenticated", message: unknown });
    expect((await store.read((read) => inviteById(read, "i3")))?.used_at).toBeNull();
    await write((trx) => deleteInvites(trx, time + 900_001));
    expect(await store.read((read) => inviteById(read, "i3"))).toBeUndefined();
  });

  it("keeps tokens", async () => {
    const row = { id: "t1", secret_hash: "h", name: "me", role: "admin" as const, created_at: time, expires_at: null };
    await write((trx) => insertToken(trx, row));
    expect(await store.read((read) => tokenById(read, "t1"))).toEqual(row);
    expect(await store.read(listTokens)).toEqual([row]);
    await write((trx) => deleteToken(trx, "t1"));
    expect(await store.read((read) => tokenById(read, "t1"))).toBeUndefined();
  });

  it("counts the revision of a project up by one", async () => {
    const row = { name: "p", files: "[]", settings: "{}", applied_at: time };
    expect(await write((trx) => upsertProject(trx, row))).toBe(1);
    expect(await write((trx) => upsertProject(trx, { ...row, settings: '{"a":1}' }))).toBe(2);
    expect(await store.read(listProjects)).toEqual([{ ...row, settings: '{"a":1}', revision: 2 }]);
  });

  it("keeps instances, and their replicas beyond them", async () => {
    await write(async (trx) => {
      await upsertHost(trx, host("hr"));
      await upsertInstance(trx, instance("i1", { name: "web" }));
      await upsertInstance(trx, instance("i2", { name: "api", owner: "settings/p" }));
      await upsertInstance(trx, instance("i1", { name: "web", replicas: 2 }));
      await insertReplica(trx, replica("r2", { instance_id: "i1", slot: 1, host_id: "hr" }));
      await insertReplica(trx, replica("r1", { instance_id: "i1", slot: 0 }));
    });
    expect(await store.read(listInstances)).toEqual([
      instance("i2", { name: "api", owner: "settings/p" }),
      instance("i1", { name: "web", replicas: 2 }),
    ]);
    await expect(write((trx) => upsertInstance(trx, instance("i3", { name: "web" })))).rejects.toThrow();
    await expect(write((trx) => insertReplica(trx, replica("r3", { host_id: "no such host" })))).rejects.toThrow();
    const bound = (await store.read(listReplicas)).map((row) => [row.id, row.instance_id, row.host_id]);
    expect(bound).toEqual([
      ["r1", "i1", null],
      ["r2", "i1", "hr"],
    ]);
    await write(async (trx) => {
      await deleteInstances(trx, []);
      await deleteInstances(trx, ["i1"]);
      await updateReplica(trx, "r1", { wish: "retire", observed: "{}" });
    });
    expect((await store.read(listInstances)).map((row) => row.id)).toEqual(["i2"]);
    expect(await store.read(listReplicas)).toMatchObject([
      { id: "r1", instance_id: null, wish: "retire", observed: "{}" },
      { id: "r2", instance_id: null },
    ]);
    await write((trx) => deleteReplica(trx, "r1"));
    expect((await store.read(listReplicas)).map((row) => row.id)).toEqual(["r2"]);
  });

  it("keeps operations, and never gives an id twice", async () => {
    const operation = {
      kind: "apply",
      title: "t",
      state: "running" as const,
      plan: "{}",
      targets: "[]",
      actor: "me",
      started_at: time,
    };
    const first = await write((trx) => insertOperation(trx, { ...operation, idempotency_key: "k", ended_at: null }));
    const second = await write((trx) => insertOperation(trx, { ...operation, idempotency_key: null, ended_at: null }));
    expect(second).toBe(first + 1);
    await expect(write((trx) => insertOperation(trx, { ...operation, idempotency_key: "k" }))).rejects.toThrow();
    expect((await store.read((read) => operationByKey(read, "k")))?.id).toBe(first);
    await write((trx) => updateOperation(trx, first, { state: "done", ended_at: time + 5 }));
    expect(await store.read((read) => operationById(read, first))).toMatchObject({ state: "done", ended_at: time + 5 });
    expect((await store.read(runningOperations)).map((row) => row.id)).toEqual([second]);
    expect((await store.read((read) => listOperations(read, 1))).map((row) => row.id)).toEqual([second]);
    await write((trx) => trx.deleteFrom("operations").execute());
    expect(await write((trx) => insertOperation(trx, { ...operation, idempotency_key: null }))).toBeGreaterThan(second);
  });

  it("gives events back in order, whole commits at a time", async () => {
    const from = store.revision;
    for (const name of ["x", "y", "z"]) {
      await store.commit(undefined, async ({ event }) => {
        await Promise.all(
          [1, 2].map((n) => event({ kind: "test", subject: `s/${name}`, message: `${name}${n}`, actor: "me" })),
        );
      });
      await store.commit(undefined, async () => {}); // a commit without events leaves no gap to a reader
    }
    const messages = async (after: number, limit?: number) =>
      (await store.read((read) => eventsAfter(read, after, limit))).map((row) => row.message);
    expect(await messages(from)).toEqual(["x1", "x2", "y1", "y2", "z1", "z2"]);
    expect(await messages(from, 3)).toEqual(["x1", "x2", "y1", "y2"]);
    expect(await messages(from, 1)).toEqual(["x1", "x2"]);
    expect(await messages(from + 1)).toEqual(["y1", "y2", "z1", "z2"]);
    expect(await messages(store.revision)).toEqual([]);
    await expect(messages(store.revision + 1)).rejects.toMatchObject({ code: "cursor_too_old" });
    const listed = await store.read((read) => listEvents(read, { limit: 3 }));
    expect(listed.map((row) => row.message)).toEqual(["y2", "z1", "z2"]);
    expect(await store.read((read) => listEvents(read, { subject: "s/y" }))).toMatchObject([
      { revision: from + 3, ordinal: 0, message: "y1", actor: "me" },
      { revision: from + 3, ordinal: 1, message: "y2" },
    ]);
  });

  it("forgets old events and operations, and says so to a cursor that is too old", async () => {
    const started = store.revision;
    const ended = {
      kind: "k",
      title: "",
      state: "done" as const,
      plan: "",
      targets: "",
      actor: "",
      started_at: 0,
      idempotency_key: null,
    };
    for (let i = 0; i < 30; i++) {
      await store.commit(undefined, async ({ trx, event }) => {
        await event({ kind: "test", subject: "prune", message: String(i) });
        await insertOperation(trx, { ...ended, ended_at: time + (i % 7) });
      });
    }
    const running = (await store.read(runningOperations)).length;
    expect(await prune(store, { now: time, keepRevisions: 10, keepOperations: 5 })).toBe(true);
    const kept = await store.read((read) => listEvents(read, { subject: "prune" }));
    expect(kept.map((row) => row.message)).toEqual(Array.from({ length: 9 }, (_, i) => String(i + 21)));
    const oldest = await store.read(oldestRevision);
    expect(oldest).toBe(started + 30 + 1 - 10);
    expect(await store.read((read) => eventsAfter(read, oldest))).toHaveLength(9);
    await expect(store.read((read) => eventsAfter(read, oldest - 1))).rejects.toMatchObject({ code: "cursor_too_old" });
    const operations = await store.read((read) => listOperations(read, 1000));
    // Of those that ended at the same time the later one stays: 6 ended last at 6, 13, 20, 27, then 5 at 26.
    const endedAt = operations.filter((row) => row.ended_at !== null).map((row) => (row.ended_at ?? 0) - time);
    expect(endedAt).toEqual([6, 6, 6, 5, 6]);
    expect(operations).toHaveLength(5 + running);
    const revision = store.revision;
    expect(await prune(store, { now: time, keepRevisions: 10, keepOperations: 5 })).toBe(false);
    expect(store.revision).toBe(revision);
  });

  it("says that it is closed", async () => {
    const other = await open();
    await other.end();
    await expect(other.store.read(async () => 1)).rejects.toMatchObject({ code: "unavailable" });
    await expect(other.store.commit(undefined, async () => 1)).rejects.toMatchObject({ code: "unavailable" });
    await other.store[Symbol.asyncDispose]();
  });
});

function host(id: string, more: Partial<HostTable> = {}): HostTable {
  return {
    id,
    name: `name-${id}`,
    state: "active",
    joined_at: time,
    agent_version: "",
    address: "",
    inventory: "",
    last_boot_id: "",
    last_heard_at: 0,
    ...more,
  };
}

function instance(id: string, more: Partial<InstanceTable> = {}): InstanceTable {
  return {
    id,
    group_name: "default",
    name: id,
    owner: "dynamic",
    service: "s",
    variety: "",
    profile: "",
    replicas: 1,
    host: "",
    overridden: 0,
    created_at: time,
    ...more,
  };
}

function replica(id: string, more: Partial<ReplicaTable> = {}): ReplicaTable {
  return {
    id,
    instance_id: null,
    group_name: "default",
    instance_name: "web",
    slot: 0,
    host_id: null,
    generation: 1,
    spec: "{}",
    spec_hash: "",
    claims: "[]",
    wish: "run",
    rejected_by: "[]",
    reason: "",
    observed: "",
    created_at: time,
    ...more,
  };
}
