// Power cuts and failing disks, by a preloaded library that keeps only what was synced (power-cut.c).
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { databaseName } from "../../controlplane/store/open-store.ts";
import { temporaryDirectory } from "../../controlplane/store/testing/stores.ts";
import { missing, startWriter, whatIsThere } from "./store-rounds.ts";

const cuts = Number(process.env["OZWALD_POWER_CUTS"] ?? 12);
const work = temporaryDirectory();
const library = buildLibrary();
if (library === undefined)
  console.warn("POWER CUT TESTS DO NOT RUN: there is no C compiler (cc). Install one: apt-get install gcc libc6-dev");
afterAll(() => work[Symbol.dispose]());

describe.skipIf(library === undefined)("a power cut", () => {
  it(`loses nothing that was acknowledged, ${cuts} times in a row`, async () => {
    const { lost, acknowledged, found } = await cutPower("full", cuts);
    console.log(`FULL: ${cuts} cuts, ${acknowledged} commits acknowledged, ${lost} lost, ${found} found`);
    expect(acknowledged).toBeGreaterThan(cuts * 5);
    expect(lost).toBe(0);
  });

  it("does lose commits when FULL is taken out, so this test sees what it should", async () => {
    // A cut within a checkpoint, right after its sync, costs nothing even so: hence more than one.
    const { lost, acknowledged } = await cutPower("normal", 30, (sofar) => sofar > 0);
    console.log(`NORMAL: ${acknowledged} commits acknowledged, ${lost} lost`);
    expect(lost).toBeGreaterThan(0);
  });

  it("in the middle of a write leaves whole commits, in order, and never a gap", async () => {
    const { disk, acknowledged } = await oneRound("full", join(work.path, "torn"), undefined);
    const wal = `${databaseName}-wal`;
    const { length } = readFileSync(join(disk, wal));
    for (let i = 0; i < 8; i++) {
      const torn = join(work.path, `torn-${i}`);
      cpSync(disk, torn, { recursive: true });
      const at = Math.floor(length * (0.2 + Math.random() * 0.8));
      if (i % 2 === 0) truncateSync(join(torn, wal), at);
      else flipByte(join(torn, wal), at);
      const found = await whatIsThere(torn);
      const there = acknowledged.map((name) => found.has(name));
      const firstGone = there.indexOf(false);
      expect(
        firstGone === -1 || there.slice(firstGone).every((is) => !is),
        `gap after damage at ${at} of ${length}`,
      ).toBe(true);
    }
  });
});

describe.skipIf(library === undefined)("a disk that fails to sync", () => {
  it("ends the program within a second, without another acknowledgement; starting again finds everything", async () => {
    const dir = join(work.path, "eio");
    const disk = join(work.path, "eio-disk");
    const broken = join(work.path, "broken");
    mkdirSync(dir);
    const writer = await startWriter(dir, "full", { ...shim(dir, disk), POWER_CUT_EIO: broken });
    await sleep(150);
    writeFileSync(broken, "");
    const failedAt = performance.now();
    expect(await writer.exit()).toBe(70);
    expect(performance.now() - failedAt).toBeLessThan(1000);
    rmSync(broken);
    expect(writer.acknowledged.length).toBeGreaterThan(5);
    // In the file is not enough: what was acknowledged is also what a power cut at that moment would have left.
    for (const found of [await whatIsThere(dir), await whatIsThere(disk)])
      expect(missing(writer.acknowledged, found)).toEqual([]);
  });
});

/** Writes, cuts the power, goes on with what the disk kept, so many times or until enough is lost; counts what was acknowledged and is gone at the end. */
async function cutPower(
  mode: "full" | "normal",
  times: number,
  enough: (lost: number) => boolean = () => false,
): Promise<{ lost: number; acknowledged: number; found: number }> {
  const acknowledged: string[] = [];
  let lost = 0;
  let disk: string | undefined;
  let found = new Set<string>();
  for (let i = 0; i < times && !enough(lost); i++) {
    const round = await oneRound(mode, join(work.path, `${mode}-${i}`), disk);
    acknowledged.push(...round.acknowledged);
    ({ disk } = round);
    const copy = join(work.path, `${mode}-${i}-found`);
    cpSync(disk, copy, { recursive: true });
    found = await whatIsThere(copy);
    lost += missing(round.acknowledged, found).length;
    rmSync(copy, { recursive: true });
  }
  if (mode === "full") expect(missing(acknowledged, found)).toEqual([]);
  return { lost, acknowledged: acknowledged.length, found: found.size };
}

async function oneRound(
  mode: "full" | "normal",
  at: string,
  from: string | undefined,
): Promise<{ disk: string; acknowledged: string[] }> {
  const dir = join(at, "dir");
  const disk = join(at, "disk");
  for (const path of [dir, disk]) {
    mkdirSync(path, { recursive: true });
    if (from !== undefined) cpSync(from, path, { recursive: true });
  }
  const writer = await startWriter(dir, mode, shim(dir, disk));
  await sleep(50 + Math.random() * 250);
  await writer.kill();
  return { disk, acknowledged: writer.acknowledged };
}

function shim(dir: string, disk: string): NodeJS.ProcessEnv {
  mkdirSync(disk, { recursive: true });
  return { LD_PRELOAD: library, POWER_CUT_DIR: dir, POWER_CUT_DISK: disk };
}

function buildLibrary(): string | undefined {
  const output = join(work.path, "power-cut.so");
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-O2", "-o", output, join(import.meta.dirname, "power-cut.c"), "-ldl"], {
      timeout: 60_000,
    });
    return output;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}
