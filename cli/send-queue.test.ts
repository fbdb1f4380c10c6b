import { expect, test } from "vitest";
import { sendQueue } from "./send-queue.ts";

test("who pushes from within onDrained is heard, and told again", async () => {
  const queue = sendQueue<number>();
  let next = 0;
  const more = () => {
    if (next === 3) return queue.end();
    queue.push(next++);
    queue.onDrained(more);
  };
  more();
  const taken: number[] = [];
  for await (const value of queue) taken.push(value);
  expect(taken).toEqual([0, 1, 2]);
});
