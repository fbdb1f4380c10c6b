// Presence by the clock, and when silence is our own fault.
import { describe, expect, test } from "vitest";
import { isMassSilence, type LiveState, presenceAfter } from "./live-host.ts";

const timings = { suspectMs: 15_000, offlineMs: 45_000 };

describe("presenceAfter", () => {
  test.each<[LiveState, number, number, LiveState]>([
    ["online", 14_999, 0, "online"],
    ["online", 15_000, 0, "suspect"],
    ["suspect", 44_999, 0, "suspect"],
    ["suspect", 45_000, 0, "offline"],
    ["online", 60_000, 0, "offline"],
    ["online", 60_000, 70_000, "online"],
    ["offline", 0, 0, "offline"],
    ["quarantined", 100_000, 0, "quarantined"],
  ])("%s, silent for %d ms, settled at %d: %s", (state, now, settledAt, expected) => {
    expect(presenceAfter({ state, heardAt: 0, settledAt, now }, timings)).toBe(expected);
  });
});

describe("isMassSilence", () => {
  const hosts = (silentAt: number[], online: number) => [
    ...silentAt.map((heardAt) => ({ state: "offline" as const, heardAt })),
    ...Array.from({ length: online }, () => ({ state: "online" as const, heardAt: 100_000 })),
  ];
  test("55 % that vanish together", () => {
    expect(isMassSilence(hosts([90_000, 91_000, 90_500, 90_100, 90_000, 90_000], 5), 45_000)).toBe(false);
    expect(isMassSilence(hosts([90_000, 91_000, 90_500, 90_100, 90_000, 90_000], 4), 45_000)).toBe(true);
  });
  test("one host alone is that host's trouble", () => expect(isMassSilence(hosts([90_000], 0), 45_000)).toBe(false));
  test("hosts that were switched off one by one do not count", () => {
    expect(isMassSilence(hosts([1, 10_000_000, 20_000_000, 30_000_000], 1), 45_000)).toBe(false);
  });
  test("hosts that were never heard in this life do not count", () =>
    expect(isMassSilence(hosts([0, 0, 0], 1), 45_000)).toBe(false));
});
