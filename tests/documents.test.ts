// Every command in every document is run by the test it names, or says why not: a new one without either is found here.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { commandLines, documents, notPrinted, readCommands } from "./support/document-commands.ts";

const root = resolve(import.meta.dirname, "..");
const all = documents().map((document) => readCommands(document, readFileSync(join(root, document), "utf8")));
const blocks = all.flatMap((one) => one.blocks);

describe("commands in documents", () => {
  test("each is claimed by a test, or has its reason", () => {
    expect(all.flatMap(({ problems }) => problems)).toEqual([]);
    const claimed = blocks.filter(({ claim }) => claim !== undefined);
    const excused = blocks.filter(({ reason }) => reason !== undefined);
    console.log(
      `blocks of commands: ${blocks.length}; run by tests: ${claimed.length}, with a reason: ${excused.length}`,
    );
    expect(claimed.length + excused.length).toBe(blocks.length);
    expect(claimed.length).toBeGreaterThan(excused.length);
  });

  test("the documents are all looked at", () => {
    expect(documents()).toEqual(
      expect.arrayContaining(["README.md", "docs/install.md", "examples/README.md", "clients/python/README.md"]),
    );
    expect(blocks.length).toBeGreaterThan(20);
  });

  // What a test claims it has to run: each of these ends by asking its ClaimedCommands what is left.
  test.each([...new Set(blocks.map(({ claim }) => claim).filter((claim) => claim !== undefined))])(
    "%s exists and counts what it ran",
    (claim) => {
      expect(existsSync(join(root, claim))).toBe(true);
      const source = readFileSync(join(root, claim), "utf8");
      expect(source).toContain(`new ClaimedCommands("${claim}")`);
      expect(source).toMatch(/expect\(\w+\.left\)\.toEqual\(\[\]\)/);
    },
  );
});

describe("the reader of documents", () => {
  const problems = (...lines: string[]) => readCommands("a.md", lines.join("\n")).problems;

  test.each<[what: string, lines: string[], problem: RegExp | undefined]>([
    ["neither claimed nor excused", ["```sh", "ozctl ps", "```"], /a\.md:2: no test claims/],
    ["the same in a list", ["1. Look:", "", "   ```sh", "   ozctl ps", "   ```"], /a\.md:4: no test claims/],
    ["a claim", ["<!-- run by tests/a.test.ts -->", "```sh", "ozctl ps", "```"], undefined],
    ["a claim that is not right above", ["<!-- run by tests/a.test.ts -->", "", "```sh", "x", "```"], /no test claims/],
    ["a reason", ["```sh", "x", "```", "", "_Not run by a test: it needs a card", "of NVIDIA._"], undefined],
    ["a reason that says nothing", ["```sh", "x", "```", "", "_Not run by a test: no._"], /no test claims/],
    ["no language", ["```", "ozctl ps", "```"], /say what it is/],
    ["another shell", ["```console", "$ ozctl ps", "```"], /say what it is/],
    ["what is no command", ["```text", "ready", "```"], undefined],
    ["indented code", ["Type:", "", "    ozctl ps"], /a\.md:3: indented code/],
    ["a list in a list", ["- one", "", "    - two"], undefined],
  ])("%s", (_what, lines, problem) => {
    if (problem === undefined) expect(problems(...lines)).toEqual([]);
    else expect(problems(...lines)).toEqual([expect.stringMatching(problem)]);
  });

  test("the lines of a block, without comments, joined where they go on", () => {
    expect(commandLines("ozctl ps   # what runs\n# only a comment\n\ncurl -s \\\n  http://a/#b\n")).toEqual([
      "ozctl ps",
      "curl -s    http://a/#b",
    ]);
  });

  test("what was shown is looked for in order; numbers and widths may differ, words may not", () => {
    const printed = "[1/2] engine   0.3 s\nready on box1 in 12 ms\nThe end.";
    expect(notPrinted("[1/2] engine 21 s\n\nready on box1 in 3 s", printed)).toEqual([]);
    expect(notPrinted("The end.\n[1/2] engine 21 s", printed)).toEqual(["[1/2] engine 21 s"]);
    expect(notPrinted("ready at box1 in 12 ms", printed)).toEqual(["ready at box1 in 12 ms"]);
  });

  test("both", () => {
    const both = [
      "<!-- run by tests/a.test.ts -->",
      "```sh",
      "x",
      "```",
      "",
      "_Not run by a test: it needs a card of NVIDIA._",
    ];
    expect(problems(...both)).toEqual([expect.stringMatching(/either/)]);
  });
});
