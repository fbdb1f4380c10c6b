import { expect, test } from "vitest";
import { version } from "./version.ts";
import { versionAnswer } from "./version-answer.ts";

test.each([[[]], [["-o", "text"]]])("%j is for people", (words: string[]) => {
  expect(versionAnswer(words, "ozwald 1")).toBe("ozwald 1\n");
});

test.each([[["-o", "json"]], [["--output", "json"]], [["--output=json"]], [["-ojson"]]])("%j is JSON", (words) => {
  expect(JSON.parse(versionAnswer(words, ""))).toMatchObject({ version });
});

test.each([
  [["-o", "bogus"], "-o bogus: there is no such form"],
  [["-o", "yaml"], "-o yaml"],
  [["-o"], "-o : there is no such form"],
  [["extra"], 'version takes no "extra"'],
  [["json"], 'version takes no "json"'],
  [["-o", "json", "extra"], 'version takes no "extra"'],
  [["--jsno"], 'version takes no "--jsno"'],
])("%j is refused", (words, said) => {
  expect(() => versionAnswer(words, "x")).toThrow(
    expect.objectContaining({ code: "bad_request", message: expect.stringContaining(said) as string }),
  );
});
