import { describe, expect, it } from "vitest";
import { ApiError } from "./api-error.ts";
import { Slots } from "./slots.ts";

const never = (): AbortSignal => new AbortController().signal;

describe("Slots", () => {
  it("hands out places first come, first served", async () => {
    const slots = new Slots<string>(10);
    slots.open(["a"]);
    const place = await slots.take(never());
    const order: number[] = [];
    const waits = [1, 2, 3].map(async (n) => {
      const mine = await slots.take(never());
      order.push(n);
      slots.give(mine);
    });
    expect([slots.running, slots.waiting]).toEqual([1, 3]);
    slots.give(place);
    await Promise.all(waits);
    expect(order).toEqual([1, 2, 3]);
    expect([slots.running, slots.waiting]).toEqual([0, 0]);
  });

  it("refuses with 429 when the line is full", async () => {
    const slots = new Slots<string>(1);
    slots.open(["a"]);
    await slots.take(never());
    const second = slots.take(never());
    await expect(slots.take(never())).rejects.toMatchObject({ status: 429 });
    slots.give("a");
    expect(await second).toBe("a");
  });

  it("forgets who leaves the line", async () => {
    const slots = new Slots<string>(5);
    slots.open(["a"]);
    await slots.take(never());
    const leaver = new AbortController();
    const left = slots.take(leaver.signal);
    const stays = slots.take(never());
    leaver.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    expect(slots.waiting).toBe(1);
    slots.give("a");
    expect(await stays).toBe("a");
  });

  it("closes: refuses who waits, and is idle when the last place comes back", async () => {
    const slots = new Slots<string>(5);
    slots.open(["a", "b"]);
    const place = await slots.take(never());
    await slots.take(never());
    const waiting = slots.take(never());
    slots.close(new ApiError(503, "asleep"));
    await expect(waiting).rejects.toMatchObject({ status: 503 });
    let idle = false;
    const done = slots.idle().then(() => (idle = true));
    slots.give(place, false);
    await Promise.resolve();
    expect(idle).toBe(false);
    slots.give(place === "a" ? "b" : "a", false);
    await done;
    expect(slots.running).toBe(0);
  });
});
