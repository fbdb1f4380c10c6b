// When the engine was away, told by calls that fail or by a connection that it ended.
import { expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { createObserver } from "./observer.ts";

function observing(list: () => Promise<[]>) {
  const clock = manualClock();
  const said: string[] = [];
  const onProblem = (problem: string) => void said.push(problem);
  return { clock, said, observer: createObserver({ engine: { list }, clock, rebootedAt: 0, onProblem }) };
}

test("calls that fail: from the first of them until one succeeds", async () => {
  let isUp = false;
  const { clock, said, observer } = observing(async () => {
    if (!isUp) throw new OzError("engine_unavailable", "gone");
    return [];
  });
  const from = clock.now();
  await expect(observer.observe()).rejects.toThrow("gone");
  await clock.advance(3_000);
  await expect(observer.observe()).rejects.toThrow("gone");
  isUp = true;
  await observer.observe();
  expect(observer.outages()).toEqual([{ from, to: from + 3_000 }]);
  await observer.observe();
  expect(observer.outages()).toHaveLength(1);
  expect(said).toEqual(["gone", ""]);
});

test("a connection that the engine ended: until a look that began afterwards succeeds, however long that one waits", async () => {
  const answers: (() => void)[] = [];
  const { clock, said, observer } = observing(() => new Promise((resolve) => answers.push(() => resolve([]))));
  const under = observer.observe();
  await clock.advance(100);
  const from = clock.now();
  observer.lost();
  observer.lost();
  // The engine that stops answered this one.
  answers[0]?.();
  await under;
  expect(observer.outages()).toEqual([]);
  const next = observer.observe();
  await clock.advance(4_000);
  answers[1]?.();
  await next;
  expect(observer.outages()).toEqual([{ from, to: from + 4_000 }]);
  expect(said).toEqual([]);
});
