import { describe, expect, test } from "vitest";
import { formatBytes, formatDuration, formatRate, parseBytes, parseDurationMs } from "./units.ts";

describe("units", () => {
  test.each([
    ["24GiB", 24 * 2 ** 30],
    ["512m", 512 * 2 ** 20],
    ["1.5 GB", 1.5e9],
    [1024, 1024],
    ["64k", 65_536],
    ["7", 7],
  ])("%s is %d bytes", (written, bytes) => expect(parseBytes(written)).toBe(bytes));
  test.each(["many", "5 apples", "-1", "", "1.2.3G"])("%s is no amount", (written) =>
    expect(parseBytes(written)).toBeUndefined(),
  );
  test.each([
    ["90s", 90_000],
    ["1m30s", 90_000],
    ["500ms", 500],
    [30, 30_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["5", 5_000],
    ["1 h 5 min", 3_900_000],
  ])("%s is %d ms", (written, ms) => expect(parseDurationMs(written)).toBe(ms));
  test.each(["soon", "5 parsecs", "1m30x", -1, Number.NaN])("%s is no duration", (written) =>
    expect(parseDurationMs(written)).toBeUndefined(),
  );
  test("for people", () => {
    expect([0, 1023, 1536, 404 * 2 ** 20, 24n * 2n ** 30n, 3 * 2 ** 50].map(formatBytes)).toEqual([
      "0 B",
      "1023 B",
      "1.5 KiB",
      "404 MiB",
      "24.0 GiB",
      "3072 TiB",
    ]);
    expect([-5, 400, 9_999, 21_000, 120_000, 3 * 3_600_000, 4 * 86_400_000].map(formatDuration)).toEqual([
      "0.0 s",
      "0.4 s",
      "10.0 s",
      "21 s",
      "2 min",
      "3 h",
      "4 d",
    ]);
    expect([0, 0.44, 9.94, 9.96, 52.4].map(formatRate)).toEqual(["0.0", "0.4", "9.9", "10", "52"]);
  });
});
