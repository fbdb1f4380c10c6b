// The page of the benches says what their JSON files say, and the arithmetic behind it is right.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { standing } from "./bench/bench.ts";
import { amount, page, readRecords } from "./bench/report.ts";
import { median, quantile, rounded } from "./bench/samples.ts";

test("docs/benchmarks/README.md is made of the JSON files beside it", () => {
  const written = readFileSync(resolve(import.meta.dirname, "../docs/benchmarks/README.md"), "utf8");
  expect(written).toBe(page(readRecords()));
});

test("a budget is kept at its edge and broken beyond it", () => {
  const figure = { what: "start", value: 30, unit: "%" } as const;
  expect(standing(figure)).toBe("");
  expect(standing({ ...figure, atMost: 30 })).toBe("met");
  expect(standing({ ...figure, atMost: 29.9 })).toBe("not met");
  expect(standing({ ...figure, atLeast: 30 })).toBe("met");
  expect(standing({ ...figure, atLeast: 31 })).toBe("not met");
});

test("what was not measured keeps no budget", () => {
  expect(standing({ what: "start", value: Number.NaN, unit: "%", atMost: 30 })).toBe("not met");
  expect(median([])).toBeNaN();
});

test("quantiles lie between the nearest ranks", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([10, 20, 30, 40, 50], 0.05)).toBeCloseTo(12);
  expect(quantile([7], 0.95)).toBe(7);
});

test("numbers are shown with the digits they deserve", () => {
  expect([1.2345, 12.345, 123.45].map(rounded)).toEqual([1.23, 12.3, 123]);
  expect(amount(1234.5, "ms")).toBe("1,234.5 ms");
  expect(amount(400, "1/s")).toBe("400 a second");
});
