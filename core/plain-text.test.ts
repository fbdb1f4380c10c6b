import { expect, test } from "vitest";
import { plainLine, plainText } from "./plain-text.ts";

test.each([
  ["colours", "\u001b[31mred\u001b[0m", "red"],
  ["a title", "\u001b]0;owned\u0007text", "text"],
  ["the clipboard", "\u001b]52;c;cm0gLXJm\u0007text", "text"],
  ["lines above", "a\u001b[2A\u001b[Jb", "ab"],
  ["one character of 8 bits for two", "a\u009b2Jb", "a2Jb"],
  ["a sequence that is cut", "\u001b", ""],
  ["bells, backspaces and returns", "a\u0007b\u0008c\r\u007f", "abc"],
  ["words of any language", "größer — 模型 🙂\n\tnext", "größer — 模型 🙂\n\tnext"],
])("%s", (_what, text, expected) => expect(plainText(text)).toBe(expected));

test("as one line", () => expect(plainLine("a\nb\t\u001b[1mc\r\n")).toBe("a b c "));
