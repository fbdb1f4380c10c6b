// Failures that are not held against a replica, by its id, or by that of a container that cannot be removed: when each is tried again.
// Waits double from 500 ms to 30 s until one attempt gets through.
import { backoffCeilingMs } from "#core/backoff.ts";
import type { Clock } from "#core/clock.ts";
import type { Step } from "../plan/step.ts";

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

  /** What of a replica's steps can be done now, and when the rest can (Infinity when nothing is left). */
  due(replicaId: string, steps: readonly Step[]): { due: readonly Step[]; retryAt: number } {
    const own = this.#retryAt(replicaId);
    if (own !== undefined) return { due: [], retryAt: own };
    // A container that cannot be removed is in the way of nothing else.
    const stuck = (step: Step) => (step.tag === "remove" ? this.#retryAt(step.containerId) : undefined);
    return {
      due: steps.filter((step) => step.tag !== "wait" && stuck(step) === undefined),
      retryAt: Math.min(...steps.map((step) => stuck(step) ?? Infinity)),
    };
  }

  #retryAt(id: string): number | undefined {
    const at = this.#all.get(id)?.retryAt ?? 0;
    return at > this.#clock.now() ? at : undefined;
  }

  note(id: string, reason: string): void {
    const failures = (this.#all.get(id)?.failures ?? 0) + 1;
    const retryAt = this.#clock.now() + backoffCeilingMs(backoff, failures - 1);
    this.#all.set(id, { failures, reason, retryAt });
  }

  /** Its automatic ports were taken: trouble only when that goes on. */
  notePortsTaken(replicaId: string, reason: string): void {
    const tries = (this.#portTries.get(replicaId) ?? 0) + 1;
    this.#portTries.set(replicaId, tries);
    if (tries > portTriesAtOnce) this.note(replicaId, reason);
    else this.#all.delete(replicaId);
  }

  forgive(id: string): void {
    this.#all.delete(id);
    this.#portTries.delete(id);
  }

  forgiveAll(): void {
    this.#all.clear();
    this.#portTries.clear();
  }
}
