// The pace of news: what is told at once, and what waits.
import { expect, test } from "vitest";
import { createPace } from "./pace.ts";

function pace(burst: number) {
  let now = 1_000;
  const made = createPace({ now: () => now }, 100, burst);
  return { ...made, pass: (ms: number) => (now += ms) };
}

test("a few are told at once, then one a period", () => {
  const news = pace(3);
  for (let n = 0; n < 3; n++) {
    expect(news.delayMs()).toBe(0);
    news.told();
  }
  expect(news.delayMs()).toBe(100);
  news.pass(60);
  expect(news.delayMs()).toBe(40);
  news.pass(40);
  expect(news.delayMs()).toBe(0);
  news.told();
  expect(news.delayMs()).toBe(100);
});

test("quiet gives back no more than the burst", () => {
  const news = pace(2);
  news.pass(10_000);
  news.told();
  news.told();
  expect(news.delayMs()).toBe(100);
});

test("over a long time no more than one a period is told", () => {
  const news = pace(5);
  let told = 0;
  for (let ms = 0; ms < 10_000; ms++) {
    if (news.delayMs() === 0) {
      news.told();
      told += 1;
    }
    news.pass(1);
  }
  expect(told).toBeGreaterThanOrEqual(100);
  expect(told).toBeLessThanOrEqual(105);
});

test("a clock that is set back makes nobody wait longer than a period", () => {
  const news = pace(1);
  news.told();
  news.pass(-50_000);
  expect(news.delayMs()).toBe(100);
  news.pass(100);
  expect(news.delayMs()).toBe(0);
});
