import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";

const never = new AbortController().signal;

test("no more than so many at once, in order", async () => {
  const slots = createSlots(2);
  let now = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 9 }, (_, i) =>
      slots.run(never, async () => {
        order.push(i);
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
      }),
    ),
  );
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("one that stops waiting leaves its place, and a slot is never lost", async () => {
  const slots = createSlots(1);
  const first = Promise.withResolvers<void>();
  const held = slots.run(never, () => first.promise);
  const abort = new AbortController();
  const waiting = slots.run(abort.signal, async () => "ran");
  abort.abort(new Error("gave up"));
  await expect(waiting).rejects.toThrow("gave up");
  const third = slots.run(never, async () => "third");
  first.resolve();
  await held;
  expect(await third).toBe("third");
  await expect(slots.run(never, () => Promise.reject(new Error("x")))).rejects.toThrow("x");
  expect(await slots.run(never, async () => 4)).toBe(4);
  await expect(slots.run(AbortSignal.abort(new Error("late")), async () => 5)).rejects.toThrow("late");
});
