// What was probably meant instead of a wrong word. Apart from the schema, which is loaded only where settings are read.
import { suggestion } from "../names.ts";

/** Names that are compared with a wrong one, at most. */
const maxCompared = 300;

/** A suggestion, for words of the length of a name, among names of about that length. Comparing long text would cost its square. */
export function hintFor(written: string, known: Iterable<string>): string {
  if (written.length > 64) return "";
  const all = [...known];
  if (all.length <= maxCompared) return suggestion(written, all);
  const near = all.filter((name) => Math.abs(name.length - written.length) <= Math.ceil(written.length / 3));
  const hint = suggestion(written, near.slice(0, maxCompared));
  return hint.startsWith("Did you mean") ? hint : "";
}
