// `version` of the programs that read their own words.
import { afterEach, expect, test, vi } from "vitest";
import { main as agent } from "../agent/main.ts";
import { processIo } from "../cli/io.ts";
import { originalMain } from "../cli/original/main.ts";
import { main as controlplane } from "../controlplane/main.ts";

afterEach(() => vi.restoreAllMocks());

test.each([
  ["ozwald-agent", agent],
  ["ozwald-controlplane", controlplane],
  ["ozwald", (words: string[]) => originalMain(words, processIo())],
])("%s: what is not known is refused", async (_name, main) => {
  const said = { out: "", err: "" };
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((said.out += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((said.err += String(text)), true));
  for (const words of [
    ["version", "-o", "bogus"],
    ["version", "-o", "yaml"],
    ["version", "extra"],
    ["--version", "x"],
  ])
    expect([await main(words), said.out, words]).toEqual([2, "", words]);
  expect(said.err).toContain("bogus");
  expect(await main(["version", "-o", "json"])).toBe(0);
  expect(JSON.parse(said.out)).toMatchObject({ proto: expect.any(String) as string });
});
