import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { quietLog } from "#core/log.ts";
import { freshMemory } from "../plan/memory.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { assigned } from "../testing/wanted.ts";
import { type Journal, openJournal } from "./journal.ts";

let dir: string;
const clock = manualClock();
const set = (revision: number) => ({
  epoch: 2,
  incarnation: "i",
  revision,
  run: [assigned("a", revision, { environment: { K: "v" }, stopGraceMs: 5n })],
  retire: ["old"],
});

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ozwald-journal-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function open(hook?: (point: string) => void, bootId = "boot1"): Promise<Journal> {
  return openJournal({ dir, bootId, clock, log: quietLog, ...(hook === undefined ? {} : { hook }) });
}

test("what was accepted and remembered is there after opening again", async () => {
  const journal = await open();
  expect(journal.obeyed()).toMatchObject({ epoch: 0, run: [] });
  await journal.accept(set(3));
  const memory = { ...freshMemory(3), attempts: 4, hostPorts: { "80/tcp": 11_000 } };
  journal.remember("a", memory);
  journal.remember("b", freshMemory(1));
  journal.remember("b", undefined);
  await journal[Symbol.asyncDispose]();
  const again = await open(undefined, "boot2");
  expect(again.obeyed()).toEqual(set(3));
  expect(again.memory()).toEqual(new Map([["a", memory]]));
  expect(again.previousBootId).toBe("boot1");
  expect((await readdir(dir)).toSorted()).toEqual(["journal.json"]);
});

test("memory is written a little later, once for many changes", async () => {
  let writes = 0;
  const journal = await open((point) => void (point === "journaled" && writes++));
  for (let i = 1; i <= 50; i++) journal.remember("a", { ...freshMemory(1), attempts: i });
  await clock.advance(250);
  await journal.flush();
  expect(writes).toBe(1);
  expect((await open()).memory().get("a")?.attempts).toBe(50);
});

test.each(["journal", "journaled"])("a failure at %s leaves the former set or the new one, whole", async (at) => {
  const journal = await open();
  await journal.accept(set(1));
  const broken = await open((point) => {
    if (point === at) throw new Error("power");
  });
  await expect(broken.accept(set(2))).rejects.toThrow("the former set stays");
  const after = await open();
  expect(after.obeyed()).toEqual(set(at === "journal" ? 1 : 2));
});

test("a full disk is named, and the former set stays obeyed", async () => {
  let full = false;
  const journal = await open(() => {
    if (full) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  });
  await journal.accept(set(1));
  full = true;
  await expect(journal.accept(set(2))).rejects.toMatchObject({
    code: "disk_full",
    hint: `Free some space under ${dir}.`,
  });
  expect(journal.obeyed().revision).toBe(1);
  journal.remember("a", freshMemory(1));
  await journal.flush();
  full = false;
  await clock.advance(6_000);
  await journal.flush();
  expect((await open()).memory().has("a")).toBe(true);
});

test("a damaged journal is set aside and an empty one begins", async () => {
  const journal = await open();
  await journal.accept(set(5));
  const path = join(dir, "journal.json");
  const text = await readFile(path, "utf8");
  for (const damaged of [
    "",
    "{",
    text.slice(0, text.length / 2),
    text.replace('"old"', '"new"'),
    text.replace('"version":1', '"version":2'),
  ]) {
    await writeFile(path, damaged);
    const again = await open();
    expect(again.obeyed()).toMatchObject({ epoch: 0, incarnation: "", run: [], retire: [] });
    expect(await readFile(`${path}.unreadable`, "utf8")).toBe(damaged);
  }
});

test("every cut of the file is either noticed or harmless", async () => {
  const journal = await open();
  await journal.accept(set(1));
  const path = join(dir, "journal.json");
  const text = await readFile(path, "utf8");
  for (let length = 0; length < text.length - 1; length += 37) {
    await writeFile(path, text.slice(0, length));
    expect((await open()).obeyed().revision).toBe(0);
  }
});

test("a journal that cannot be read for another reason stops the start, since it may hold the truth", async () => {
  const path = join(dir, "journal.json");
  await rm(path, { force: true });
  await import("node:fs/promises").then(({ mkdir }) => mkdir(path));
  await expect(open()).rejects.toThrow(`the journal ${path} cannot be read`);
  await chmod(dir, 0o700);
});
