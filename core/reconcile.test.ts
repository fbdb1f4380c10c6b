import { describe, expect, test } from "vitest";
import { backoffCeilingMs, jitteredBackoffMs, linkBackoff } from "./backoff.ts";
import { sleep } from "./clock.ts";
import { randomId } from "./ids.ts";
import { quietLog } from "./log.ts";
import { startLoop } from "./reconcile.ts";
import { systemClock } from "./system-clock.ts";
import { manualClock } from "./testing/manual-clock.ts";

const base = { name: "test", periodMs: 1_000, log: quietLog };

describe("startLoop", () => {
  test("runs at once, then every period, and sooner when a run asks for it", async () => {
    const clock = manualClock();
    const runs: number[] = [];
    const start = clock.now();
    await using loop = startLoop({
      ...base,
      clock,
      run: async () => (runs.push(clock.now() - start) === 2 ? 100 : undefined),
    });
    await clock.advanceAsync(2_150);
    expect(runs).toEqual([0, 1_000, 1_100, 2_100]);
    expect(loop.status()).toMatchObject({ name: "test", runs: 4, failures: 0 });
  });

  test("is one run at a time; any number of wakes meanwhile make one more", async () => {
    const clock = manualClock();
    let running = 0;
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    await using loop = startLoop({
      ...base,
      clock,
      run: async () => {
        expect((running += 1)).toBe(1);
        if ((runs += 1) === 1) await gate.promise;
        running -= 1;
      },
    });
    await clock.advanceAsync(0);
    for (let i = 0; i < 5; i++) loop.wake();
    gate.resolve();
    await clock.advanceAsync(10);
    expect(runs).toBe(2);
  });

  test("backs off after failures, shows the last one, and forgets it after a run that works", async () => {
    const clock = manualClock();
    const at: number[] = [];
    const start = clock.now();
    await using loop = startLoop({
      ...base,
      clock,
      backoff: { minMs: 100, maxMs: 400 },
      run: async () => {
        if (at.push(clock.now() - start) <= 4) throw new Error("no luck");
      },
    });
    await clock.advanceAsync(50);
    expect(loop.status()).toMatchObject({ failures: 1, lastError: "Error: no luck" });
    await clock.advanceAsync(1_200);
    expect(at).toEqual([0, 100, 300, 700, 1_100]);
    expect(loop.status()).toMatchObject({ failures: 0, lastError: "" });
  });

  test("ends for good, after the run that is under way", async () => {
    const clock = manualClock();
    let ended = false;
    let runs = 0;
    const loop = startLoop({
      ...base,
      clock,
      run: async (signal) => {
        runs += 1;
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        ended = true;
      },
    });
    await clock.advanceAsync(0);
    await loop[Symbol.asyncDispose]();
    expect(ended).toBe(true);
    loop.wake();
    await clock.advanceAsync(5_000);
    expect(runs).toBe(1);
  });
});

describe("time and chance", () => {
  test("sleep ends at its time or when it is not wanted any more", async () => {
    const clock = manualClock();
    const abort = new AbortController();
    const slept = sleep(clock, 1_000, abort.signal);
    abort.abort();
    await slept;
    expect(clock.waiting).toBe(0);
    await sleep(clock, 1_000, abort.signal);
    const timed = sleep(clock, 1_000);
    await clock.advanceAsync(1_000);
    await timed;
    await sleep(systemClock, 1);
    const never = systemClock.after(5, () => expect.unreachable());
    never.cancel();
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
  });

  test("waits double up to their limit, and jitter stays below", () => {
    expect([0, 1, 2, 6, 7, 99, -1].map((n) => backoffCeilingMs(linkBackoff, n))).toEqual([
      100, 200, 400, 6_400, 8_000, 8_000, 100,
    ]);
    expect([0, 0.5, 0.999].map((random) => jitteredBackoffMs(linkBackoff, 1, random))).toEqual([0, 100, 199]);
  });

  test("ids come from the bytes that are given", () => {
    expect(randomId(() => new Uint8Array([0, 31, 32, 255]), 4)).toBe("0z0z");
  });
});
