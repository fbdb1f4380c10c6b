// Blocks of code in a document, for tests that run what a document says.

export type MarkdownBlock = {
  readonly language: string;
  readonly text: string;
  /** Of its first line of text. */
  readonly line: number;
  /** The line above its fence, and what follows it up to the next empty line; trimmed. */
  readonly above: string;
  readonly below: string;
};

/** Every fenced block in order, those in lists too. Throws when a fence is left open. */
export function markdownBlocks(document: string): MarkdownBlock[] {
  const lines = document.split("\n");
  const blocks: MarkdownBlock[] = [];
  let open: { indent: number; language: string; at: number } | undefined;
  for (const [i, line] of lines.entries()) {
    const fence = /^( *)```\s*(\S*)\s*$/.exec(line);
    if (fence === null) continue;
    if (open === undefined) {
      open = { indent: fence[1]?.length ?? 0, language: fence[2] ?? "", at: i };
      continue;
    }
    const { indent, language, at } = open;
    const text = lines.slice(at + 1, i).map((one) => `${one.slice(indent)}\n`);
    const above = (lines[at - 1] ?? "").trim();
    blocks.push({ language, text: text.join(""), line: at + 2, above, below: paragraphFrom(lines, i + 1) });
    open = undefined;
  }
  if (open !== undefined) throw new Error(`the fence of line ${open.at + 1} is never closed`);
  return blocks;
}

/** Lines of blocks that are code by their indentation alone: nobody can say what kind they are. */
export function indentedCode(document: string): number[] {
  const found: number[] = [];
  let [fenced, inList, afterBlank] = [false, false, true];
  for (const [i, line] of document.split("\n").entries()) {
    if (/^ *```/.test(line)) fenced = !fenced;
    else if (line.trim() === "") afterBlank = true;
    else if (!fenced) {
      if (/^\s*([-*]|\d+\.) /.test(line) && (inList || !line.startsWith("    "))) inList = true;
      else if (/^\S/.test(line)) inList = false;
      if (line.startsWith("    ") && afterBlank && !inList) found.push(i + 1);
      afterBlank = false;
    }
  }
  return found;
}

function paragraphFrom(lines: readonly string[], from: number): string {
  const start = lines.findIndex((line, i) => i >= from && line.trim() !== "");
  if (start < 0) return "";
  const end = lines.findIndex((line, i) => i >= start && line.trim() === "");
  const paragraph = lines.slice(start, end < 0 ? undefined : end);
  return paragraph.map((line) => line.trim()).join(" ");
}
