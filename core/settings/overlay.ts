// Lays later files over earlier ones: a thing of the same name is replaced where it stood, new things are appended.
// Within one file a name is written once.
import type { Place, ProblemList } from "./problem.ts";

export type Keyed<T> = { readonly key: string; readonly label: string; readonly place: Place; readonly value: T };

/** What is left of the things of all files. A name that is written twice in one file is a problem. */
export function overlay<T>(things: readonly Keyed<T>[], problems: ProblemList): Keyed<T>[] {
  const laid = new Map<string, Keyed<T>>();
  for (const thing of things) {
    const before = laid.get(thing.key);
    if (before !== undefined && before.place.source === thing.place.source) {
      const { line } = before.place.source.position(before.place.path);
      problems.add(thing.place, `${thing.label} is named twice`, `The first is on line ${line}; names are unique.`);
    } else laid.set(thing.key, thing);
  }
  return [...laid.values()];
}
