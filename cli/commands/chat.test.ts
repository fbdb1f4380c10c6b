import { expect, test } from "vitest";
import { shownPiece } from "./chat.ts";

test.each([
  [true, "Paris"],
  [false, "\u001b]52;c;cm0gLXJm\u0007Paris"],
])("what a model says writes into no clipboard (terminal: %s)", (isTerminal, shown) =>
  expect(shownPiece({ isTerminal }, "\u001b]52;c;cm0gLXJm\u0007Paris")).toBe(shown),
);
