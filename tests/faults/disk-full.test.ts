// A full disk under the state directory: a clear error, nothing half-applied, reads go on, and it heals without a restart.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listEvents } from "../../controlplane/store/events.ts";
import { listProjects, upsertProject } from "../../controlplane/store/projects.ts";
import { openSqlite, temporaryDirectory } from "../../controlplane/store/testing/stores.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("DISK FULL TESTS DO NOT RUN: mounting a small file system needs root.");

describe.skipIf(!isRoot)("a store on a full disk", () => {
  const work = temporaryDirectory();
  const mount = join(work.path, "small");
  beforeAll(() => {
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "ozwald-test", mount], { timeout: 10_000 });
  });
  afterAll(() => {
    execFileSync("umount", [mount], { timeout: 10_000 });
    work[Symbol.dispose]();
  });

  it("says so, keeps what it has, answers reads, and takes commits again when there is space", async () => {
    const dir = join(mount, "state");
    const filler = join(mount, "filler");
    const store = await openSqlite(dir);
    writeFileSync(filler, Buffer.alloc(2_500_000));
    const write = (name: string, size = 20_000) =>
      store.commit(undefined, async ({ trx, event }) => {
        await event({ kind: "test", subject: "s", message: name });
        await upsertProject(trx, { name, files: "x".repeat(size), settings: "{}", applied_at: 1 });
      });
    const acknowledged: string[] = [];
    let refusal: unknown;
    for (let i = 0; i < 500 && refusal === undefined; i++) {
      await write(`p${i}`).then(
        () => acknowledged.push(`p${i}`),
        (error: unknown) => (refusal = error),
      );
    }
    expect(refusal).toMatchObject({
      code: "disk_full",
      message: expect.stringContaining(dir),
      hint: expect.stringContaining("space"),
    });
    expect(acknowledged.length).toBeGreaterThan(10);
    const { revision } = store;
    for (let i = 0; i < 5; i++) await expect(write(`again${i}`)).rejects.toMatchObject({ code: "disk_full" });
    expect(store.revision).toBe(revision);
    const names = async () => (await store.read(listProjects)).map((row) => row.name).toSorted();
    expect(await names()).toEqual(acknowledged.toSorted());
    expect(await store.read((read) => listEvents(read, { subject: "s", limit: 1000 }))).toHaveLength(
      acknowledged.length,
    );
    rmSync(filler);
    await write("healed");
    expect(store.revision).toBe(revision + 1);
    await store[Symbol.asyncDispose]();
    await using again = await openSqlite(dir);
    expect((await again.read(listProjects)).map((row) => row.name).toSorted()).toEqual(
      [...acknowledged, "healed"].toSorted(),
    );
  });

  it("is not opened by half: the next start with space finds nothing wrong", async () => {
    const dir = join(mount, "new");
    const filler = join(mount, "filler");
    const full = () => {
      for (const size of [1_000_000, 100_000, 4096]) {
        try {
          for (let i = 0; ; i++) writeFileSync(`${filler}-${size}-${i}`, Buffer.alloc(size));
        } catch {}
      }
    };
    mkdirSync(dir);
    full();
    await expect(openSqlite(dir)).rejects.toMatchObject({ code: "disk_full", hint: expect.stringContaining("space") });
    execFileSync("sh", ["-c", `rm -f ${filler}-*`]);
    rmSync(join(mount, "state"), { recursive: true });
    await using store = await openSqlite(dir);
    expect(store.revision).toBe(1);
  });
});
