// The agent's brain: takes in assignments, and goes observe → plan → apply → report until the host is as it was asked for.
import type { Clock } from "#core/clock.ts";
import { sleep } from "#core/clock.ts";
import type { Log } from "#core/log.ts";
import { type Loop, startLoop } from "#core/reconcile.ts";
import { unlessAborted } from "#core/unless-aborted.ts";
import type { Observed } from "#proto/replicas_pb.ts";
import { type Alarm, createAlarm } from "./alarm.ts";
import { AgentBook } from "./apply/book.ts";
import type { ContainerEngine, ObservedContainer } from "./apply/engine.ts";
import { type Failpoint, noFailpoint } from "./apply/failpoint.ts";
import { createImagePulls, type ImagePulls } from "./apply/image-pulls.ts";
import { createSlots } from "./apply/slots.ts";
import { createWorker, type Worker } from "./apply/worker.ts";
import { createHealthChecker, type HealthChecker } from "./health/checker.ts";
import { createProbeRunner, type RunProbe } from "./health/probe.ts";
import { createIntake, type Intake } from "./intake.ts";
import type { Journal } from "./journal/journal.ts";
import { gatherFacts } from "./observe/gather-facts.ts";
import { type MemoryUse, startMemoryUse } from "./observe/memory-use.ts";
import { rememberReady, updateMemories } from "./observe/memories.ts";
import { createObserver, type Observer } from "./observe/observer.ts";
import { createReporter, type Reporter } from "./observe/reporter.ts";
import { healthTargets, type Survey, survey } from "./observe/survey.ts";
import type { Outage, Wanted } from "./plan/found.ts";
import { plan } from "./plan/plan.ts";
import type { Step, StepOf } from "./plan/step.ts";

export type BrainDeps = {
  readonly engine: ContainerEngine;
  readonly journal: Journal;
  readonly clusterId: string;
  /** The kernel's boot id, to know a reboot. */
  readonly bootId: string;
  /** Bytes there are of each resource ("ram", device ids); what is missing is unknown and not checked. */
  readonly totals: () => ReadonlyMap<string, number>;
  /** Ports of the machine on which something waits. */
  readonly listeningPorts: () => ReadonlySet<number>;
  readonly clock: Clock;
  readonly log: Log;
  readonly failpoint?: Failpoint;
  readonly probe?: RunProbe;
  /** The container engine went away (with the reason) or came back (empty). */
  readonly onEngineProblem?: (problem: string) => void;
};

/** Says what changed on the host. */
export type ChangeListener = (changed: readonly Observed[], gone: readonly string[]) => void;

/** With the 10 s that a call may take, an engine that hangs is noticed within 30 s. */
const resyncMs = 15_000;
const mostPulls = 3;
/** The engine is asked often while it is away: everything waits for it. */
const observeBackoff = { minMs: 200, maxMs: 3_000 };
/** A call to the engine that is cut short is found again by the next look, as after kill -9. */
const closeMs = 1_000;
const leastLookDelayMs = 20;
const mostLookDelayMs = 500;

export class Brain {
  readonly #deps: BrainDeps;
  readonly #book: AgentBook;
  readonly #pulls: ImagePulls;
  readonly #worker: Worker;
  readonly #health: HealthChecker;
  readonly #observer: Observer;
  readonly #reporter: Reporter;
  readonly #memoryUse: MemoryUse;
  readonly #loop: Loop;
  readonly #alarm: Alarm;
  /** Takes in a complete set; it is on disk when the answer says accepted. */
  readonly assign: Intake;
  readonly #abort = new AbortController();
  readonly #waits = new Map<string, StepOf<"wait">>();
  readonly #firstTry = Promise.withResolvers<void>();
  #listeners = 0;
  #look: Survey | undefined;
  #found: readonly ObservedContainer[] = [];
  #lookTick = 0;
  #lastOutage: Outage | undefined;

  constructor(deps: BrainDeps) {
    const { engine, journal, clusterId, clock, log, failpoint = noFailpoint } = deps;
    this.#deps = deps;
    const wakeSoon = () => this.#wakeSoon();
    this.#alarm = createAlarm(clock, () => this.wake());
    this.assign = createIntake({ journal, log, totals: deps.totals, onObeyed: () => this.#obey() });
    const tellSoon = () => this.#reporter.tellSoon();
    this.#book = new AgentBook({ journal, clock, onActivity: tellSoon });
    this.#pulls = createImagePulls({ engine, clock, slots: createSlots(mostPulls), onProgress: tellSoon });
    this.#worker = createWorker({
      engine,
      clusterId,
      clock,
      log,
      failpoint,
      book: this.#book,
      pulls: this.#pulls,
      onEnd: wakeSoon,
    });
    this.#health = createHealthChecker({
      run: deps.probe ?? createProbeRunner(engine),
      clock,
      onChange: () => this.#replan(),
    });
    const rebooted = journal.previousBootId !== "" && journal.previousBootId !== deps.bootId;
    this.#observer = createObserver({
      engine,
      clock,
      rebootedAt: rebooted ? clock.now() : 0,
      onProblem: (problem) => deps.onEngineProblem?.(problem),
    });
    this.#lastOutage = this.#observer.outages().at(-1);
    this.#reporter = createReporter({
      clock,
      sources: () => this.#sources(),
      busy: (replicaId) => this.#worker.outdated(replicaId, this.#lookTick),
      // A work under way shows as its activity; one that ended after the last look is told by the next.
      outdated: (replicaId) =>
        this.#book.activity(replicaId) === undefined && this.#worker.outdated(replicaId, this.#lookTick),
    });
    this.#loop = startLoop({
      name: "replicas",
      run: (signal) => this.#pass(signal),
      periodMs: resyncMs,
      clock,
      log,
      backoff: observeBackoff,
    });
    const wanted = () => this.#listeners > 0;
    this.#memoryUse = startMemoryUse({ engine, clock, log, wanted, look: () => this.#look, onChange: tellSoon });
    const onChange = (lost: boolean) => {
      if (lost) this.#observer.lost();
      wakeSoon();
    };
    engine.watch(onChange, this.#abort.signal);
  }

  /** What was obeyed last, for Hello. */
  obeyed(): { readonly incarnation: string; readonly epoch: bigint; readonly revision: bigint } {
    const { incarnation, epoch, revision } = this.#deps.journal.obeyed();
    return { incarnation, epoch: BigInt(epoch), revision: BigInt(revision) };
  }

  /** Everything of this cluster on the host, as it was seen last. */
  observed(): Observed[] {
    return [...this.#reporter.picture.all()];
  }

  /** Resolves after the first look or the first that failed, after limitMs, or when the signal aborts. True when something was seen. */
  async firstLook(limitMs: number, signal: AbortSignal): Promise<boolean> {
    await Promise.race([this.#firstTry.promise, sleep(this.#deps.clock, limitMs, signal)]);
    return this.#look !== undefined;
  }

  /** Differences of the picture as they come; returns how to end it. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners++;
    const end = this.#reporter.picture.subscribe(({ changed, gone }) => listener(changed, gone));
    return () => {
      this.#listeners--;
      end();
    };
  }

  /** Why the container engine cannot be used now; empty when it can. */
  engineProblem(): string {
    return this.#observer.problem();
  }

  /** What is wanted of a replica; undefined when nothing is. */
  wanted(replicaId: string): Wanted | undefined {
    return this.#book.wanted(replicaId);
  }

  /** Containers by replica as they were seen last, oldest attempt first; undefined before the first look. */
  look(): Survey | undefined {
    return this.#look;
  }

  /** Looks at everything again soon. */
  wake(): void {
    this.#loop.wake();
  }

  /** Stops working; containers keep running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#alarm.cancel();
    await this.#loop[Symbol.asyncDispose]();
    await this.#memoryUse.loop[Symbol.asyncDispose]();
    await this.#health[Symbol.asyncDispose]();
    await this.#worker.close(closeMs);
    this.#reporter.close();
    await this.#deps.journal.flush();
  }

  /** The journal holds a new set: what is under way for the old one ends. */
  #obey(): void {
    const before = this.#book.desired;
    this.#book.reload();
    const after = this.#book.desired;
    for (const id of new Set([...before.run.keys(), ...before.retire, ...after.run.keys(), ...after.retire])) {
      const same =
        before.run.get(id)?.generation === after.run.get(id)?.generation &&
        before.retire.has(id) === after.retire.has(id);
      if (!same) this.#worker.reset(id);
    }
    this.#reporter.tellSoon();
    this.#replan();
  }

  /** Looks again: at once when nothing is under way, else a little later, so that looking does not slow down the work. */
  #wakeSoon(): void {
    if (!this.#worker.anyBusy()) this.wake();
    else this.#alarm.setIn(Math.min(mostLookDelayMs, Math.max(leastLookDelayMs, 2 * this.#loop.status().lastMs)));
  }

  /** What is wanted or known changed, not the host: the last look will do, and saves the time of another. */
  #replan(): void {
    if (this.#look === undefined || this.#observer.problem() !== "") return this.wake();
    const delayMs = this.#reconcile(this.#look);
    if (delayMs < resyncMs) this.#alarm.setIn(delayMs);
  }

  /** One pass: observe, plan, give out work, report. Returns in how many milliseconds it wants to run again at the latest. */
  async #pass(signal: AbortSignal): Promise<number> {
    try {
      return await this.#lookAndWork(signal);
    } finally {
      // An engine that is away is news too: a Hello need not wait for its return.
      this.#firstTry.resolve();
    }
  }

  async #lookAndWork(signal: AbortSignal): Promise<number> {
    const tick = this.#worker.tick();
    this.#found = await unlessAborted(this.#observer.observe(), signal);
    this.#look = survey(this.#found);
    this.#lookTick = tick;
    this.#book.foundGroups = new Set(this.#found.map(({ group }) => group));
    const lastOutage = this.#observer.outages().at(-1);
    if (lastOutage !== this.#lastOutage) this.#worker.forgiveAll();
    this.#lastOutage = lastOutage;
    return this.#reconcile(this.#look);
  }

  #reconcile(look: Survey): number {
    const book = this.#book;
    const now = this.#deps.clock.now();
    updateMemories(book, look, this.#observer.outages(), (id) => this.#worker.outdated(id, this.#lookTick), now);
    this.#health.sync(healthTargets(look, book));
    rememberReady(book, this.#health.verdicts());
    const [health, outages] = [this.#health.verdicts(), this.#observer.outages()];
    const facts = gatherFacts({ book, health, outages, listeningPorts: this.#deps.listeningPorts });
    const steps = plan({ desired: book.desired, found: this.#found, memory: book.memories(), facts, now });
    const delayMs = this.#giveOut(steps, now);
    this.#reporter.tell();
    return delayMs;
  }

  #giveOut(steps: readonly Step[], now: number): number {
    let delayMs = resyncMs;
    const wakeAt = (at: number) => {
      delayMs = Math.min(delayMs, Math.max(1, at - now));
    };
    this.#waits.clear();
    for (const [replicaId, all] of Map.groupBy(steps, (step) => step.replicaId)) {
      const wait = all.find((step) => step.tag === "wait");
      if (wait !== undefined) this.#waits.set(replicaId, wait);
      if (wait !== undefined && wait.until > 0) wakeAt(wait.until);
      const { due, retryAt } = this.#worker.due(replicaId, all);
      wakeAt(retryAt);
      if (!this.#worker.outdated(replicaId, this.#lookTick)) this.#worker.begin(replicaId, due);
    }
    return delayMs;
  }

  #sources() {
    if (this.#look === undefined) return undefined;
    return {
      look: this.#look,
      book: this.#book,
      pulls: this.#pulls,
      health: this.#health.verdicts(),
      waits: this.#waits,
      troubles: this.#worker.troubles(),
      memoryBytes: this.#memoryUse.bytes(),
      now: this.#deps.clock.now(),
    };
  }
}
