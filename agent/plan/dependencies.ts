// What a replica waits for before it starts, and what it says meanwhile. Pure.
import type { Desired, Facts, FoundContainer, Wanted } from "./found.ts";
import type { ReplicaMemory } from "./memory.ts";

type Seen = {
  readonly desired: Desired;
  readonly facts: Facts;
  readonly found: readonly FoundContainer[];
  readonly memory: ReadonlyMap<string, ReplicaMemory>;
};

/** An instance that has to be ready first; failed when no further attempt of it is made. */
export type MissingDependency = { readonly name: string; readonly failed: boolean };

/** What has to be ready first and is not. A run-once dependency that ended well is as good as ready. */
export function missingDependencies(
  wanted: Wanted,
  { desired, facts, found, memory }: Seen,
): readonly MissingDependency[] {
  const final = ({ replicaId, generation }: Wanted) => {
    const known = memory.get(replicaId);
    return known?.generation === generation ? known.final?.state : undefined;
  };
  // An older generation that is about to be replaced does not count.
  const ready = (member: Wanted) => {
    const { replicaId, generation } = member;
    const health = facts.health.get(replicaId);
    const runs = (each: FoundContainer) =>
      each.phase === "running" && each.attempt === health?.attempt && each.generation >= generation;
    const isUp = health?.verdict === "ready" && found.some((each) => each.replicaId === replicaId && runs(each));
    return isUp || final(member) === "stopped";
  };
  return wanted.spec.dependsOn.flatMap((name) => {
    const members = [...desired.run.values()].filter(
      ({ spec }) => spec.instance === name && spec.group === wanted.spec.group,
    );
    if (members.length === 0 || members.some(ready)) return [];
    return [{ name, failed: members.every((member) => final(member) === "failed") }];
  });
}

/** "waits for cache, and for db, which failed". */
export function waitReason(missing: readonly MissingDependency[]): string {
  const names = (failed: boolean) => missing.flatMap((each) => (each.failed === failed ? each.name : [])).join(", ");
  const parts = [names(false), names(true) && `${names(true)}, which failed`].filter((part) => part !== "");
  return `waits for ${parts.join(", and for ")}`;
}
