import { describe, expect, test } from "vitest";
import { betterThan, dialOrder, keptAfterWelcome, readTold } from "./control-addresses.ts";

const [a, b, c] = ["https://a.lan:7443", "https://b.lan:7443", "https://c.lan:7443"] as const;
const own = "https://127.0.0.1:7443";

describe("addresses of the control plane", () => {
  test("are taken as they are said, without what is none", () => {
    expect(readTold(["a.lan", a, "no address at all", "https://[::1]:1/"])).toEqual([a, "https://[::1]:1"]);
    expect(readTold(Array.from({ length: 40 }, (_, n) => `h${n}.lan`))).toHaveLength(16);
    expect(readTold([])).toEqual([]);
  });

  test.each([
    ["what has worked comes first", { kept: b, told: [a, b, c] }, undefined, [b, a, c]],
    ["what is tried comes before", { kept: b, told: [a, b] }, a, [a, b]],
    ["one that was not told stays", { kept: c, told: [a] }, undefined, [c, a]],
    ["nothing was told", { kept: c, told: [] }, undefined, [c]],
  ])("order of dialling: %s", (_what, known, trying, order) => {
    expect(dialOrder(known, trying)).toEqual(order);
  });

  test.each([
    ["the best one is dialled", a, [a, b], []],
    ["an old one is dialled", b, [a, b], [a]],
    ["an unknown one is dialled", c, [a, b], [a, b]],
    ["the machine itself is dialled", own, [a, b], []],
    ["nothing was told", c, [], []],
  ])("better: %s", (_what, dialed, told, better) => {
    expect(betterThan(dialed, told)).toEqual(better);
  });

  test.each([
    ["a better one that worked is kept", { kept: b, told: [a, b] }, a, a],
    ["one to fall back to is not", { kept: a, told: [a, b] }, b, a],
    ["an unknown one gives way", { kept: c, told: [a, b] }, b, b],
    ["the machine's own does not", { kept: own, told: [a] }, a, own],
    ["nothing was told: it stays", { kept: a, told: [] }, b, a],
  ])("kept: %s", (_what, known, dialed, kept) => {
    expect(keptAfterWelcome(known, dialed)).toBe(kept);
  });
});
