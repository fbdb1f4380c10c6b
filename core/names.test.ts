import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editDistance, isName, nearest, suggestion } from "./names.ts";

describe("names", () => {
  test.each([
    ["wbe", "web"],
    ["enviroment", "environment"],
    ["Tiny-LLM", "tiny-llm"],
    ["cpu_only", "cpu-only"],
  ])("%s was meant to be %s", (written, meant) => {
    expect(nearest(written, ["web", "environment", "tiny-llm", "cpu-only", "sources"])).toBe(meant);
  });
  test("nothing near is suggested for what has nothing in common", () => {
    expect(nearest("x", ["s"])).toBeUndefined();
    expect(nearest("postgres", ["web", "shop"])).toBeUndefined();
    expect(suggestion("x", ["s"])).toBe("There is: s.");
    expect(suggestion("zzzzzz", ["a1", "b2"])).toBe("There are: a1, b2.");
    expect(suggestion("x", [])).toBe("");
    expect(
      suggestion(
        "zzzzzz",
        Array.from({ length: 9 }, (_, i) => `n${i}`),
      ),
    ).toMatch(/n7, …\.$/);
  });
  test("a right beginning is near", () => {
    expect(nearest("stop_grace_period", ["stop_grace", "startup_timeout"])).toBe("stop_grace");
    expect(nearest("enviro", ["environment", "env_file"])).toBe("environment");
    expect(nearest("env", ["environment_x"])).toBeUndefined();
  });
  test("what is a name", () => {
    expect(["web", "a.b_c-d", "9"].every(isName)).toBe(true);
    expect(["", "-a", "a b", "a/b", "x".repeat(64)].some(isName)).toBe(false);
  });
  test("distance is a distance", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
    expect(editDistance("ab", "ba")).toBe(1);
  });
});
