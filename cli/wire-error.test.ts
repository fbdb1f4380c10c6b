// What a refused credential is told to do.
import { expect, test } from "vitest";
import { wireError } from "./wire-error.ts";

test("a refused token: make another one, and log in with the line that is printed then", async () => {
  for (const [status, body] of [
    [401, "no"],
    [200, JSON.stringify({ code: "unauthenticated", message: "no" })],
  ] as const) {
    const { hint } = await wireError(status, body, "https://10.0.0.5:7443");
    expect(hint).toContain("ozctl token create NAME");
    expect(hint).not.toContain("context file");
  }
});
