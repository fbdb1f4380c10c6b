// Failures that are not held against a replica: when each is tried again. Waits double from 500 ms to 30 s until one attempt gets through.
import { backoffCeilingMs } from "#core/backoff.ts";
import type { Clock } from "#core/clock.ts";

/** retryAt is in ms since 1970. */
export type Trouble = { readonly failures: number; readonly reason: string; readonly retryAt: number };

const backoff = { minMs: 500, maxMs: 30_000 };
/** So often in a row other automatic ports are tried at once. */
const portTriesAtOnce = 5;

export class Troubles {
  readonly #clock: Clock;
  readonly #all = new Map<string, Trouble>();
  readonly #portTries = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  all(): ReadonlyMap<string, Trouble> {
    return this.#all;
  }

  note(replicaId: string, reason: string): void {
    const failures = (this.#all.get(replicaId)?.failures ?? 0) + 1;
    const retryAt = this.#clock.now() + backoffCeilingMs(backoff, failures - 1);
    this.#all.set(replicaId, { failures, reason, retryAt });
  }

  /** Its automatic ports were taken: trouble only when that goes on. */
  notePortsTaken(replicaId: string, reason: string): void {
    const tries = (this.#portTries.get(replicaId) ?? 0) + 1;
    this.#portTries.set(replicaId, tries);
    if (tries > portTriesAtOnce) this.note(replicaId, reason);
    else this.#all.delete(replicaId);
  }

  forgive(replicaId: string): void {
    this.#all.delete(replicaId);
    this.#portTries.delete(replicaId);
  }

  forgiveAll(): void {
    this.#all.clear();
    this.#portTries.clear();
  }
}
