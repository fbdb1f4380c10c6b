// What a plan depends on besides the containers, put together.
import type { AgentBook } from "../apply/book.ts";
import type { Facts } from "../plan/found.ts";
import { keepsEveryPort } from "../plan/ports.ts";

export type FactSources = Pick<Facts, "health" | "outages"> & {
  readonly book: AgentBook;
  readonly listeningPorts: () => ReadonlySet<number>;
};

export function gatherFacts({ book, health, outages, listeningPorts }: FactSources): Facts {
  const memories = book.memories();
  const chooses = [...book.desired.run.values()].some(
    ({ replicaId, spec }) => !keepsEveryPort(spec.ports, memories.get(replicaId)?.hostPorts ?? {}),
  );
  return {
    ...{ health, outages, staged: book.stagedGenerations(), progress: book.progress(), busyPorts: book.busyPorts() },
    // Asked for only when a port has to be chosen: a machine may have very many connections.
    listeningPorts: chooses ? listeningPorts() : new Set(),
  };
}
