import { expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { errorText } from "./errors.ts";

test("an error that repeats what a container said has nothing that a terminal would obey", () => {
  const error = new OzError("failed", "The model answered 500: \u001b[2J\u001b]0;title\u0007no", {
    hint: "Try\nagain.",
  });
  expect(errorText(error)).toBe("The model answered 500: no\nTry\nagain.\n");
});
