// Names of things people write, and what they may have meant.

/** Instances, services, groups, hosts, projects: letters, digits, dot, dash, underscore; begins with a letter or digit; at most 63. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function isName(text: string): boolean {
  return namePattern.test(text);
}

/** As a person types it: "web", or "shop:web" outside of the group default. */
export function nameInGroup(group: string, name: string): string {
  return group === "" || group === "default" ? name : `${group}:${name}`;
}

/** Edit distance with transpositions (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(rows, i - 1, j) + 1, (row[j - 1] ?? 0) + 1, at(rows, i - 1, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(rows, i - 2, j - 2) + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return at(rows, a.length, b.length);
}

function at(rows: number[][], i: number, j: number): number {
  return rows[i]?.[j] ?? 0;
}

/** The known name nearest to what was written, if it is near enough to have been meant. */
export function nearest(written: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(written.length / 3)) + 1;
  for (const name of known) {
    const [a, b] = [written.toLowerCase(), name.toLowerCase()];
    // "stop_grace_period" was meant to be "stop_grace": the beginning is right.
    const distance = Math.min(a.length, b.length) >= 5 && (a.startsWith(b) || b.startsWith(a)) ? 1 : editDistance(a, b);
    // A name of which nothing is left was not meant.
    const something = distance < Math.max(written.length, name.length);
    if (something && distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** "Did you mean web?" or, when nothing is near, the first few that exist. Empty when nothing exists. */
export function suggestion(written: string, known: Iterable<string>): string {
  const names = [...known];
  const near = nearest(written, names);
  if (near !== undefined) return `Did you mean ${near}?`;
  if (names.length === 0) return "";
  return `There ${names.length === 1 ? "is" : "are"}: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}.`;
}
