// Kill -9 of a program that commits: nothing acknowledged is lost, nothing is there by half, the next start is quick.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../controlplane/store/testing/stores.ts";
import { missing, startWriter, whatIsThere } from "./store-rounds.ts";

const kills = Number(process.env["OZWALD_KILLS"] ?? 25);

describe("a program that commits", () => {
  it(`loses nothing that it acknowledged in ${kills} kills`, async () => {
    using dir = temporaryDirectory();
    const acknowledged: string[] = [];
    const readyMs: number[] = [];
    for (let i = 0; i < kills; i++) {
      const writer = await startWriter(dir.path, "full");
      await sleep(10 + Math.random() * 150);
      await writer.kill();
      acknowledged.push(...writer.acknowledged);
      readyMs.push(writer.readyMs);
    }
    const found = await whatIsThere(dir.path);
    console.log(
      `${kills} kills: ${acknowledged.length} commits acknowledged, ${found.size} found, slowest start ${Math.max(...readyMs).toFixed(0)} ms`,
    );
    expect(acknowledged.length).toBeGreaterThan(kills * 5);
    expect(missing(acknowledged, found)).toEqual([]);
    expect(Math.max(...readyMs)).toBeLessThan(5_000);
  });

  it("keeps a second one out, which says who it is, until it is killed", async () => {
    using dir = temporaryDirectory();
    const first = await startWriter(dir.path, "full");
    try {
      const started = performance.now();
      await expect(startWriter(dir.path, "full")).rejects.toThrow(`in use by process ${first.process.pid}`);
      expect(performance.now() - started).toBeLessThan(5_000);
    } finally {
      await first.kill();
    }
    const next = await startWriter(dir.path, "full");
    await next.kill();
  });
});
