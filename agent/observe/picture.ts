// The picture of the host as it was told last, and what changed since. Listeners get differences; anybody may have the whole.
import { equals } from "@bufbuild/protobuf";
import { type Observed, ObservedSchema } from "#proto/replicas_pb.ts";

export type PictureChange = { readonly changed: readonly Observed[]; readonly gone: readonly string[] };
export type PictureListener = (change: PictureChange) => void;

export type Picture = {
  /** Everything, sorted by replica id. */
  all(): readonly Observed[];
  /** Replaces the picture. `retired` are replicas that shall be told as gone when nothing is left of them, known or not. */
  update(next: readonly Observed[], retired: ReadonlySet<string>): void;
  /** Called with every later difference, until the returned function is. */
  subscribe(listener: PictureListener): () => void;
};

export function createPicture(): Picture {
  let current = new Map<string, Observed>();
  let toldGone: ReadonlySet<string> = new Set();
  const listeners = new Set<PictureListener>();
  return {
    all: () => [...current.values()].toSorted((a, b) => (a.replicaId < b.replicaId ? -1 : 1)),
    update(next, retired) {
      const map = new Map(next.map((observed) => [observed.replicaId, observed]));
      const changed = next.filter((observed) => {
        const before = current.get(observed.replicaId);
        return before === undefined || !equals(ObservedSchema, before, observed);
      });
      const left = [...current.keys()].filter((id) => !map.has(id));
      const never = [...retired].filter((id) => !map.has(id) && !current.has(id) && !toldGone.has(id));
      toldGone = new Set([...retired].filter((id) => !map.has(id)));
      current = map;
      const gone = [...left, ...never];
      if (changed.length > 0 || gone.length > 0) for (const listener of listeners) listener({ changed, gone });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
