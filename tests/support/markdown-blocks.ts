// Fenced blocks of a document, for tests that run what a document says.

export type MarkdownBlock = { readonly language: string; readonly text: string; readonly line: number };

/** Every fenced block in order. Throws when a fence is left open. */
export function markdownBlocks(document: string): MarkdownBlock[] {
  const blocks: MarkdownBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [i, line] of document.split("\n").entries()) {
    const fence = /^```\s*(\S*)\s*$/.exec(line);
    if (fence !== null && open === undefined) open = { language: fence[1] ?? "", line: i + 2, lines: [] };
    else if (fence !== null && open !== undefined) {
      blocks.push({ language: open.language, text: `${open.lines.join("\n")}\n`, line: open.line });
      open = undefined;
    } else open?.lines.push(line);
  }
  if (open !== undefined) throw new Error(`the fence of line ${open.line - 1} is never closed`);
  return blocks;
}
