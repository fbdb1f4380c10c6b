// What the agent knows while it works: the wanted set and memory (both in the journal), and what is lost with the process and found again.
import type { Clock } from "#core/clock.ts";
import type { Journal } from "../journal/journal.ts";
import { type Desired, desiredOf, type Wanted } from "../plan/found.ts";
import type { ReplicaMemory } from "../plan/memory.ts";
import type { Activity } from "../plan/replica-state.ts";

export type Staged = { readonly generation: number; readonly image: string };
export type Progress = { readonly attempt: number; readonly at: number; readonly checkedAt: number };

/** What executors need of it. */
export type Book = {
  wanted(replicaId: string): Wanted | undefined;
  retiring(replicaId: string): boolean;
  memory(replicaId: string): ReplicaMemory | undefined;
  remember(replicaId: string, memory: ReplicaMemory | undefined): void;
  /** Local image of a replica's generation, once it is on the host. */
  staged(replicaId: string): Staged | undefined;
  stage(replicaId: string, staged: Staged | undefined): void;
  act(replicaId: string, activity: Activity): void;
  noteProgress(replicaId: string, progress: Progress): void;
  /** Groups that are wanted or in which something was found. */
  groupsInUse(): ReadonlySet<string>;
};

/** How long a host port that something foreign holds is passed over. */
const busyPortMs = 600_000;

/** The book of one agent process. */
export class AgentBook implements Book {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #onActivity: () => void;
  readonly #staged = new Map<string, Staged>();
  readonly #activities = new Map<string, Activity>();
  readonly #progress = new Map<string, Progress>();
  readonly #busyPorts = new Map<number, number>();
  #desired: Desired;
  /** Groups of the containers found last. */
  foundGroups: ReadonlySet<string> = new Set();

  constructor(deps: { journal: Journal; clock: Clock; onActivity: () => void }) {
    this.#journal = deps.journal;
    this.#clock = deps.clock;
    this.#onActivity = deps.onActivity;
    this.#desired = readDesired(deps.journal);
  }

  get desired(): Desired {
    return this.#desired;
  }

  /** The journal holds another set. */
  reload(): void {
    this.#desired = readDesired(this.#journal);
    for (const id of [...this.#staged.keys(), ...this.#progress.keys()]) {
      if (this.#desired.run.has(id)) continue;
      this.#staged.delete(id);
      this.#progress.delete(id);
    }
  }

  wanted(replicaId: string): Wanted | undefined {
    return this.#desired.run.get(replicaId);
  }

  retiring(replicaId: string): boolean {
    return this.#desired.retire.has(replicaId) && !this.#desired.run.has(replicaId);
  }

  memory(replicaId: string): ReplicaMemory | undefined {
    return this.#journal.memory().get(replicaId);
  }

  memories(): ReadonlyMap<string, ReplicaMemory> {
    return this.#journal.memory();
  }

  remember(replicaId: string, memory: ReplicaMemory | undefined): void {
    this.#journal.remember(replicaId, memory);
    if (memory !== undefined) return;
    this.#staged.delete(replicaId);
    this.#progress.delete(replicaId);
  }

  staged(replicaId: string): Staged | undefined {
    return this.#staged.get(replicaId);
  }

  stagedGenerations(): ReadonlyMap<string, number> {
    return new Map([...this.#staged].map(([id, { generation }]) => [id, generation]));
  }

  stage(replicaId: string, staged: Staged | undefined): void {
    if (staged === undefined) this.#staged.delete(replicaId);
    else this.#staged.set(replicaId, staged);
  }

  act(replicaId: string, activity: Activity | undefined): void {
    if (this.#activities.get(replicaId) === activity) return;
    if (activity === undefined) this.#activities.delete(replicaId);
    else this.#activities.set(replicaId, activity);
    if (activity !== undefined) this.#onActivity();
  }

  activity(replicaId: string): Activity | undefined {
    return this.#activities.get(replicaId);
  }

  noteProgress(replicaId: string, progress: Progress): void {
    this.#progress.set(replicaId, progress);
  }

  progress(): ReadonlyMap<string, Progress> {
    return this.#progress;
  }

  notePortsBusy(ports: readonly number[]): void {
    for (const port of ports) this.#busyPorts.set(port, this.#clock.now() + busyPortMs);
  }

  busyPorts(): ReadonlySet<number> {
    const now = this.#clock.now();
    for (const [port, until] of this.#busyPorts) if (until <= now) this.#busyPorts.delete(port);
    return new Set(this.#busyPorts.keys());
  }

  groupsInUse(): ReadonlySet<string> {
    return new Set([...this.foundGroups, ...[...this.#desired.run.values()].map(({ spec }) => spec.group)]);
  }
}

function readDesired(journal: Journal): Desired {
  const { run, retire } = journal.obeyed();
  return desiredOf(run, retire);
}
