// A host in miniature, for properties of the planner: steps are carried out at once, in memory, without any engine.
import { forGeneration, heal, noteStart, noteStopped, type ReplicaMemory } from "../plan/memory.ts";
import type { Desired, Facts, FoundContainer } from "../plan/found.ts";
import { plan } from "../plan/plan.ts";
import { afterEnd, takeBackEnd } from "../plan/restart.ts";
import type { Step } from "../plan/step.ts";
import { container } from "./wanted.ts";

export class World {
  now = 1_000_000;
  desired: Desired;
  found: FoundContainer[];
  memory = new Map<string, ReplicaMemory>();
  /** Replicas whose containers end right after their start. */
  readonly crashing: ReadonlySet<string>;
  readonly #staged = new Map<string, number>();
  readonly #progress = new Map<string, { attempt: number; at: number; checkedAt: number }>();

  constructor(desired: Desired, found: readonly FoundContainer[], crashing: readonly string[] = []) {
    this.desired = desired;
    this.found = [...found];
    this.crashing = new Set(crashing);
  }

  alive(replicaId: string): FoundContainer[] {
    return this.found.filter((each) => each.replicaId === replicaId && each.phase === "running");
  }

  facts(): Facts {
    // As on a host: the newest attempt of no older generation than the wanted one.
    const health = [...this.desired.run.values()].flatMap(({ replicaId, generation }) => {
      const watched = this.alive(replicaId)
        .toSorted((a, b) => a.attempt - b.attempt)
        .findLast((each) => each.generation >= generation);
      if (watched === undefined || this.crashing.has(replicaId)) return [];
      return [[replicaId, { attempt: watched.attempt, verdict: "ready" as const }] as const];
    });
    return {
      staged: this.#staged,
      health: new Map(health),
      progress: this.#progress,
      outages: [],
      busyPorts: new Set(),
      // As /proc shows them: those of the containers that run.
      listeningPorts: new Set(
        this.found.flatMap(({ phase, ports }) => (phase === "running" ? ports.map(({ hostPort }) => hostPort) : [])),
      ),
    };
  }

  plan(): readonly Step[] {
    for (const { replicaId, generation } of this.desired.run.values()) {
      const containers = this.found.filter((each) => each.replicaId === replicaId);
      this.memory.set(
        replicaId,
        takeBackEnd(heal(forGeneration(this.memory.get(replicaId), generation), containers), [], this.now),
      );
    }
    return plan({ desired: this.desired, found: this.found, memory: this.memory, facts: this.facts(), now: this.now });
  }

  /** Carries out one step. */
  apply(step: Step): void {
    const memory = this.memory.get(step.replicaId);
    switch (step.tag) {
      case "fetch-image":
        this.#staged.set(step.replicaId, step.generation);
        break;
      case "start-attempt":
        this.#start(step, memory);
        break;
      case "stop":
        this.#change(step.containerId, { phase: "ended", endedAt: this.now, exitCode: 143 });
        if (memory !== undefined && step.why !== "not-ready")
          this.memory.set(step.replicaId, noteStopped(memory, step.attempt));
        break;
      case "record-end": {
        const { exitCode, ...end } = step;
        if (memory === undefined) throw new Error("an end of a replica without memory");
        const full = { ...end, logTail: [], probed: true, ...(exitCode === undefined ? {} : { exitCode }) };
        this.memory.set(
          step.replicaId,
          afterEnd(memory, full, this.desired.run.get(step.replicaId)?.spec.restart, this.now),
        );
        break;
      }
      case "check-progress":
        this.#progress.set(step.replicaId, { attempt: step.attempt, at: 0, checkedAt: this.now });
        break;
      case "remove":
        if (this.found.some(({ id, phase }) => id === step.containerId && phase === "running"))
          throw new Error("removes what runs");
        this.found = this.found.filter(({ id }) => id !== step.containerId);
        break;
      case "forget":
        this.memory.delete(step.replicaId);
        break;
      case "wait":
        break;
    }
  }

  #start(step: Extract<Step, { tag: "start-attempt" }>, memory: ReplicaMemory | undefined): void {
    const { replicaId, generation, attempt, hostPorts } = step;
    if (memory === undefined) throw new Error("a start without memory");
    const spec = this.desired.run.get(replicaId)?.spec;
    this.memory.set(replicaId, { ...noteStart(memory, attempt, 10_000, this.now), hostPorts });
    const ports = Object.entries(hostPorts).map(([key, hostPort]) => ({
      containerPort: Number.parseInt(key, 10),
      hostPort,
      transport: "tcp",
    }));
    const crashed = this.crashing.has(replicaId) ? ({ phase: "ended", endedAt: this.now, exitCode: 1 } as const) : {};
    const made = { generation, ports, group: spec?.group ?? "", startedAt: this.now, ...crashed };
    this.found = [
      ...this.found.filter((each) => each.replicaId !== replicaId || each.attempt !== attempt),
      container(replicaId, attempt, made),
    ];
  }

  #change(id: string, change: Partial<FoundContainer>): void {
    this.found = this.found.map((each) => (each.id === id ? { ...each, ...change } : each));
  }
}
