// Brings what is remembered of the replicas in line with a look at the host.
import type { AgentBook } from "../apply/book.ts";
import type { HealthFact } from "../health/checker.ts";
import type { Outage } from "../plan/found.ts";
import { forGeneration, heal, noteReady } from "../plan/memory.ts";
import { takeBackEnd } from "../plan/restart.ts";
import type { Survey } from "./survey.ts";

/** `outdated` replicas are left for the next look. */
export function updateMemories(
  book: AgentBook,
  look: Survey,
  outages: readonly Outage[],
  outdated: (replicaId: string) => boolean,
  now: number,
): void {
  for (const { replicaId, generation } of book.desired.run.values()) {
    if (outdated(replicaId)) continue;
    const known = book.memory(replicaId);
    const healed = heal(forGeneration(known, generation), look.get(replicaId) ?? []);
    const next = takeBackEnd(healed, outages, now);
    if (next !== known) book.remember(replicaId, next);
  }
}

/** Attempts that are ready now were ready. */
export function rememberReady(book: AgentBook, verdicts: ReadonlyMap<string, HealthFact>): void {
  for (const [replicaId, { attempt, verdict, since }] of verdicts) {
    const memory = book.memory(replicaId);
    if (verdict === "ready" && memory !== undefined) book.remember(replicaId, noteReady(memory, attempt, since));
  }
}
