// A journal without a disk, for tests of what uses it.
import type { Journal } from "../journal/journal.ts";
import { nothingObeyed } from "../plan/accept.ts";
import type { ReplicaMemory } from "../plan/memory.ts";

export type MemoryJournal = Journal & { /** Set to make accept fail. */ failWith: Error | undefined };

export function memoryJournal(previousBootId = ""): MemoryJournal {
  let obeyed = nothingObeyed;
  let memory: ReadonlyMap<string, ReplicaMemory> = new Map();
  return {
    previousBootId,
    failWith: undefined,
    obeyed: () => obeyed,
    memory: () => memory,
    async accept(next) {
      if (this.failWith !== undefined) throw this.failWith;
      obeyed = next;
    },
    remember(replicaId, next) {
      const map = new Map(memory);
      if (next === undefined) map.delete(replicaId);
      else map.set(replicaId, next);
      memory = map;
    },
    async flush() {},
    async [Symbol.asyncDispose]() {},
  };
}
