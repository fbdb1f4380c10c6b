// Tables: columns as wide as they need, and never wider than the terminal.
import type { Io, Style } from "../io.ts";

export type Column<Row> = {
  title: string;
  value(row: Row): string;
  style?(row: Row): Style | undefined;
  /** True when the column may be cut where the terminal is too narrow. */
  shrink?: boolean;
};

const gap = "  ";
const narrowest = 8;

/** Lines of the table, each ended. A pipe gets every character; a terminal gets as much as it is wide. */
export function table<Row>(io: Io, columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => column.value(row) || "-"));
  const widths = columns.map((column, i) => Math.max(column.title.length, ...cells.map((line) => length(line[i]!))));
  const columnsOfTerminal = io.size()?.columns;
  if (columnsOfTerminal !== undefined) shrink(widths, columns, columnsOfTerminal);
  const head = columns.map((column, i) => pad(column.title, widths[i]!)).join(gap);
  const body = cells.map((line, r) =>
    columns
      .map((column, i) => {
        const last = i === columns.length - 1;
        const text = cut(line[i]!, widths[i]!);
        const style = column.style?.(rows[r]!);
        return (
          (style === undefined ? text : io.style(style, text)) + (last ? "" : " ".repeat(widths[i]! - length(text)))
        );
      })
      .join(gap)
      .trimEnd(),
  );
  return [io.style("dim", head.trimEnd()), ...body].join("\n") + "\n";
}

function shrink<Row>(widths: number[], columns: readonly Column<Row>[], most: number): void {
  for (;;) {
    const total = widths.reduce((sum, width) => sum + width, 0) + gap.length * (widths.length - 1);
    if (total <= most) return;
    const able = widths.flatMap((width, i) => (columns[i]!.shrink && width > narrowest ? [i] : []));
    if (able.length === 0) return;
    const widest = able.reduce((best, i) => (widths[i]! > widths[best]! ? i : best));
    widths[widest] = widths[widest]! - 1;
  }
}

/** Characters as a terminal counts them, near enough for what is printed here. */
export function length(text: string): number {
  return Array.from(text).length;
}

/** Text cut to so many characters, with an ellipsis where something is missing. */
export function cut(text: string, most: number): string {
  return length(text) <= most
    ? text
    : `${Array.from(text)
        .slice(0, Math.max(0, most - 1))
        .join("")}…`;
}

export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - length(text)));
}
