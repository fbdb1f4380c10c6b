// Commands that documents show. Each block either names the test that runs it, in a comment above it, or says below it why none does.
import { globSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { indentedCode, type MarkdownBlock, markdownBlocks } from "./markdown-blocks.ts";

const root = resolve(import.meta.dirname, "../..");

/** What a block may say it is. Only `sh` is something to type. */
const otherLanguages = ["text", "yaml", "json", "ts", "python"];

export type CommandBlock = MarkdownBlock & {
  /** Path from the root. */
  readonly document: string;
  /** The test that runs it. */
  readonly claim: string | undefined;
  /** Why no test does. */
  readonly reason: string | undefined;
  /** What the document says it prints; empty when it says nothing. */
  readonly printed: string;
};

/** Every document of the repository. */
export function documents(): string[] {
  const kept = (path: string): boolean => !/(^|\/)(node_modules|dist|\.[^/]*|fixtures)(\/|$)/.test(path);
  return globSync("**/*.md", { cwd: root, exclude: (path) => !kept(path) })
    .filter(kept)
    .toSorted();
}

/** Blocks of commands in a document, and what is wrong with how it shows code. */
export function readCommands(document: string, text: string): { blocks: CommandBlock[]; problems: string[] } {
  const blocks: CommandBlock[] = [];
  const problems = indentedCode(text).map((line) => `${document}:${line}: indented code; put it between fences`);
  const found = markdownBlocks(text);
  for (const [i, block] of found.entries()) {
    const wrong = (what: string): void => void problems.push(`${document}:${block.line}: ${what}`);
    if (otherLanguages.includes(block.language)) continue;
    if (block.language !== "sh") {
      wrong(`say what it is: sh for commands, or one of ${otherLanguages.join(", ")}`);
      continue;
    }
    const claim = /^<!-- run by (tests\/\S+\.test\.ts) -->$/.exec(block.above)?.[1];
    const reason = /^_Not run by a test: (.{20,})_$/.exec(block.below)?.[1];
    if (claim === undefined && reason === undefined) wrong("no test claims these commands, and no reason stands below");
    if (claim !== undefined && reason !== undefined) wrong("either a test runs it, or there is a reason why not");
    const next = found[i + 1];
    const printed = block.below === "<!-- printed -->" && next?.language === "text" ? next.text : "";
    blocks.push({ ...block, document, claim, reason, printed });
  }
  return { blocks, problems };
}

/** The blocks that name a test, for that test to run. */
export class ClaimedCommands {
  readonly #blocks: CommandBlock[];
  readonly #ran = new Set<CommandBlock>();

  /** `test` is its path from the root. */
  constructor(test: string) {
    this.#blocks = documents()
      .flatMap((document) => readCommands(document, readFileSync(join(root, document), "utf8")).blocks)
      .filter(({ claim }) => claim === test);
  }

  /**
   * Hands the first block of the document that has not run and begins so to `work`, as it is written, with what it is said to print.
   * It has run when that resolves.
   */
  async run<T>(document: string, begins: string, work: (commands: string, printed: string) => Promise<T>): Promise<T> {
    const block = this.#blocks.find(
      (one) => one.document === document && one.text.startsWith(begins) && !this.#ran.has(one),
    );
    if (block === undefined) throw new Error(`${document} has no block for this test that begins with ${begins}`);
    const result = await work(block.text, block.printed);
    this.#ran.add(block);
    return result;
  }

  /** Those that were not run. */
  get left(): string[] {
    return this.#blocks.filter((block) => !this.#ran.has(block)).map(({ document, line }) => `${document}:${line}`);
  }
}

/** The commands of a block, one by one, without their comments; a backslash at the end of a line goes on. */
export function commandLines(block: string): string[] {
  return block
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#\s.*$/, "").trim())
    .filter((line) => line !== "");
}

/** Lines of what a document shows that were not printed, in this order; numbers, widths and the machine's name may differ. */
export function notPrinted(shown: string, output: string): string[] {
  const printed = output.split("\n").map(plain);
  let from = 0;
  return shown.split("\n").filter((line) => {
    if (line.trim() === "") return false;
    const at = printed.indexOf(plain(line), from);
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

function plain(line: string): string {
  return stripVTControlCharacters(line)
    .replaceAll(hostname(), "devbox")
    .replace(/-?\d+([.,]\d+)*( (ms|s|min|h))*/g, "0")
    .replace(/\s+/g, " ")
    .trim();
}
