// The addon of a single executable: where it is put, and that what is there is what we carry.
import { chmodSync, lstatSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { loadAddon, loadSqliteAddon, placeAddon } from "./native-addon.ts";
import { openSqlite, temporaryDirectory } from "./testing/stores.ts";

const content = new TextEncoder().encode("an addon");

describe("the addon", () => {
  it("is left to better-sqlite3 outside a single executable", () => {
    expect(loadSqliteAddon("/nonexistent")).toBeUndefined();
  });

  it("is put into a private directory under its hash, once", () => {
    using dir = temporaryDirectory();
    const assets = join(dir.path, "a", "native");
    const path = placeAddon(assets, content);
    expect(readFileSync(path)).toEqual(Buffer.from(content));
    expect([statSync(assets).mode & 0o777, statSync(path).mode & 0o777]).toEqual([0o700, 0o700]);
    const { ino } = statSync(path);
    expect(placeAddon(assets, content)).toBe(path);
    expect(statSync(path).ino).toBe(ino);
    expect(placeAddon(assets, new TextEncoder().encode("the next version"))).not.toBe(path);
    expect(readdirSync(assets)).toHaveLength(2);
  });

  it("replaces what was planted or damaged", () => {
    using dir = temporaryDirectory();
    const path = placeAddon(dir.path, content);
    writeFileSync(path, "something else");
    expect(readFileSync(placeAddon(dir.path, content), "utf8")).toBe("an addon");
    const planted = join(dir.path, "planted");
    writeFileSync(planted, content);
    chmodSync(dir.path, 0o777);
    const other = new TextEncoder().encode("linked");
    const linked = placeAddon(dir.path, other);
    rmSync(linked);
    symlinkSync(planted, linked);
    expect(lstatSync(placeAddon(dir.path, other)).isFile()).toBe(true);
    expect(readFileSync(linked, "utf8")).toBe("linked");
    expect(statSync(dir.path).mode & 0o777).toBe(0o700);
  });

  it("is what the store runs on when it is given", async () => {
    using dir = temporaryDirectory();
    const root = dirname(createRequire(import.meta.url).resolve("better-sqlite3/package.json"));
    const prebuilt = readFileSync(join(root, "prebuilds", `linux-${process.arch}.node`));
    const addon = loadAddon(placeAddon(join(dir.path, "native"), prebuilt));
    await using store = await openSqlite(join(dir.path, "state"), { nativeBinding: addon });
    expect(store.revision).toBe(1);
    expect(
      new Database(":memory:", { nativeBinding: addon as unknown as string }).prepare("select 1").pluck().get(),
    ).toBe(1);
  });
});
