// Tests that run on another Node than the programs prove nothing.
import { expect, test } from "vitest";

test("runs on the Node that the project brings", () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  expect(major).toBe(24);
  expect(minor).toBeGreaterThanOrEqual(12);
});
