// A container engine in memory, for tests with a clock of their own. It keeps the contract of engine-contract.ts, and runs no commands.
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { maskValues } from "#core/secret.ts";
import { create as message } from "@bufbuild/protobuf";
import { EngineSchema } from "#proto/inventory_pb.ts";
import { containerName } from "../apply/container-name.ts";
import type { ContainerEngine, ContainerPlan, LogOptions, ObservedContainer, OutputSink } from "../apply/engine.ts";
import { localCandidates } from "../apply/image-name.ts";

/** How containers of an image behave. */
export type Behaviour = {
  /** Ends by itself after so long; never when unset. */
  readonly exitAfterMs?: number;
  readonly exitCode?: number;
  readonly lines?: readonly string[];
  /** Refused at create or start with this. */
  readonly refuse?: { readonly at: "create" | "start"; readonly error: OzError };
  /** Only in the registry, and fetching it takes so long. */
  readonly pullMs?: number;
  /** Ends so long after it was asked to, or at the end of its grace if that comes first. At once when unset. */
  readonly stopMs?: number;
};

type Held = {
  seen: ObservedContainer;
  behaviour: Behaviour;
  ports: readonly number[];
  /** Network it needs to start; undefined on the host's. */
  network: string | undefined;
  environment: Readonly<Record<string, string>>;
};

export class SimulatedEngine implements ContainerEngine {
  readonly #clock: Clock;
  readonly #behaviours: Map<string, Behaviour>;
  readonly #containers = new Map<string, Held>();
  readonly #local = new Set<string>();
  readonly #watchers = new Set<(lost: boolean) => void>();
  /** Host ports that something foreign holds. */ readonly foreignPorts = new Set<number>();
  /** Ids of containers that cannot be removed. */ readonly stuck = new Set<string>();
  /** Why no image can be fetched now. */
  registryProblem: OzError | undefined;
  /** Every call that changes something, in order. */
  readonly calls: string[] = [];
  /** Most running attempts of one replica at any time. */
  mostAtOnce = 0;
  networks = new Set<string>();
  #down = false;
  #ids = 0;
  #pids = 0;

  constructor(clock: Clock, behaviours: Readonly<Record<string, Behaviour>>) {
    this.#clock = clock;
    this.#behaviours = new Map(Object.entries(behaviours));
    for (const [image, { pullMs }] of this.#behaviours) if (pullMs === undefined) this.#local.add(image);
  }

  containers(replicaId?: string): ObservedContainer[] {
    return [...this.#containers.values()]
      .map(({ seen }) => seen)
      .filter((each) => replicaId === undefined || each.replicaId === replicaId);
  }

  running(replicaId?: string): ObservedContainer[] {
    return this.containers(replicaId).filter(({ phase }) => phase === "running");
  }

  /** docker kill, docker rm -f, and an end by itself. */
  kill(id: string, exitCode = 137): void {
    this.#end(id, exitCode);
  }

  vanish(id: string): void {
    this.#containers.delete(id);
    this.#changed();
  }

  /** The engine goes away; without live-restore its containers end when it comes back. */
  goDown(): void {
    this.#down = true;
  }

  comeUp(options: { liveRestore: boolean }): void {
    this.#down = false;
    if (!options.liveRestore) for (const { id } of this.running()) this.#end(id, 255);
    this.#changed();
  }

  /** It ends its connections and is back at once: no call fails. */
  hangUp(): void {
    this.#changed(true);
  }

  async facts() {
    return message(EngineSchema, { name: "simulated", error: this.#down ? "down" : "" });
  }

  async list(): Promise<ObservedContainer[]> {
    this.#assertUp();
    return this.containers();
  }

  async images(): Promise<string[]> {
    return [...this.#local];
  }

  async resolveImage(image: string) {
    this.#assertUp();
    const found = localCandidates(image).find((name) => this.#local.has(name));
    return found === undefined ? undefined : { image: found, id: `sha256:${found}` };
  }

  /** docker load, by somebody. */
  addImage(image: string): void {
    this.#local.add(image);
  }

  async pull(
    image: string,
    _logins: unknown,
    onProgress: (event: { doneBytes: number; totalBytes: number }) => void,
    signal: AbortSignal,
  ) {
    this.#assertUp();
    if (this.registryProblem !== undefined) throw this.registryProblem;
    const behaviour = this.#behaviours.get(image);
    if (behaviour === undefined) throw new OzError("image_missing", `image ${image} does not exist in its registry`);
    this.calls.push(`pull ${image}`);
    for (let done = 0; done < 4; done++) {
      onProgress({ doneBytes: done * 25, totalBytes: 100 });
      await this.#wait((behaviour.pullMs ?? 0) / 4, signal);
    }
    this.#local.add(image);
  }

  async ensureNetwork(group: string): Promise<string> {
    this.#assertUp();
    this.networks.add(group);
    return group;
  }

  async removeUnusedNetworks(groupsInUse: ReadonlySet<string>): Promise<void> {
    this.#assertUp();
    const occupied = new Set(this.running().map(({ group }) => group));
    this.networks = new Set([...this.networks].filter((group) => groupsInUse.has(group) || occupied.has(group)));
  }

  async create(plan: ContainerPlan): Promise<string> {
    this.#assertUp();
    const behaviour = this.#behaviours.get(plan.image) ?? {};
    if (behaviour.refuse?.at === "create") throw behaviour.refuse.error;
    if (!this.#local.has(plan.image)) throw new OzError("image_missing", `image ${plan.image} is not on this host`);
    const name = containerName(plan);
    const old = this.containers().find((each) => each.name === name);
    if (old?.phase === "running") throw new OzError("engine_refused", `${name} exists and runs`);
    if (old !== undefined) this.#containers.delete(old.id);
    const id = `c${++this.#ids}`;
    const { replicaId, generation, attempt, spec } = plan;
    const seen = observed(id, name, plan);
    const network = spec.security?.hostNetwork === true ? undefined : spec.group;
    const ports = seen.ports.map(({ hostPort }) => hostPort);
    this.#containers.set(id, { seen, behaviour, ports, network, environment: { ...spec.environment } });
    this.calls.push(`create ${replicaId} ${generation}.${attempt}`);
    return id;
  }

  async start(id: string): Promise<void> {
    this.#assertUp();
    const held = this.#containers.get(id);
    if (held === undefined) throw new OzError("engine_refused", `no container ${id}`);
    if (held.seen.phase === "running") return;
    const refusal = this.#refusal(held);
    if (refusal !== undefined) {
      this.#change(id, { error: refusal.message, exitCode: 128 });
      throw refusal;
    }
    const now = this.#clock.now();
    this.#change(id, { phase: "running", pid: 1_000 + ++this.#pids, startedAt: now, error: "", exitCode: 0 });
    this.calls.push(`start ${held.seen.replicaId} ${held.seen.generation}.${held.seen.attempt}`);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running(held.seen.replicaId).length);
    const { exitAfterMs, exitCode = 1 } = held.behaviour;
    if (exitAfterMs !== undefined) this.#clock.after(exitAfterMs, () => this.#end(id, exitCode));
    this.#changed();
  }

  /** Why it cannot start now. */
  #refusal({ behaviour, network, ports }: Held): OzError | undefined {
    if (behaviour.refuse?.at === "start") return behaviour.refuse.error;
    if (network !== undefined && !this.networks.has(network))
      return new OzError("engine_refused", `there is no network ${network}`);
    const others = new Set(
      [...this.#containers.values()].filter(({ seen }) => seen.phase === "running").flatMap((other) => other.ports),
    );
    const taken = ports.find((port) => others.has(port) || this.foreignPorts.has(port));
    return taken === undefined
      ? undefined
      : new OzError("port_taken", `port 127.0.0.1:${taken} is taken`, { port: taken });
  }

  async stop(id: string, graceMs: number): Promise<void> {
    this.#assertUp();
    const held = this.#containers.get(id);
    if (held === undefined || held.seen.phase !== "running") return;
    this.calls.push(`stop ${held.seen.replicaId} ${held.seen.generation}.${held.seen.attempt}`);
    const { stopMs = 0 } = held.behaviour;
    await this.#wait(Math.min(graceMs, stopMs));
    this.#end(id, stopMs > graceMs ? 137 : 143);
  }

  async remove(id: string): Promise<void> {
    this.#assertUp();
    const held = this.#containers.get(id);
    if (held === undefined) return;
    if (held.seen.phase === "running") throw new OzError("engine_refused", `${held.seen.name} runs`);
    if (this.stuck.has(id)) throw new OzError("engine_refused", `${held.seen.name} is busy`);
    this.calls.push(`remove ${held.seen.replicaId} ${held.seen.generation}.${held.seen.attempt}`);
    this.#containers.delete(id);
    this.#changed();
  }

  async environment(id: string): Promise<Readonly<Record<string, string>>> {
    return this.#containers.get(id)?.environment ?? {};
  }

  async logs(id: string, options: LogOptions, sink: OutputSink): Promise<void> {
    const { seen, behaviour } = this.#held(id);
    const stamp = options.timestamps ? `${new Date(seen.startedAt).toISOString()} ` : "";
    for (const line of (behaviour.lines ?? []).slice(-options.tail))
      await sink.stdout(Buffer.from(`${stamp}${line}\n`));
  }

  async tail(id: string, lines: number, hidden: readonly string[] = []): Promise<string[]> {
    return (this.#held(id).behaviour.lines ?? []).slice(-lines).map((line) => maskValues(line, hidden));
  }

  exec(): Promise<never> {
    return Promise.reject(new OzError("not_supported", "the simulated engine runs no commands"));
  }

  async memoryBytes(id: string): Promise<number | undefined> {
    return this.#containers.get(id)?.seen.phase === "running" ? 1_000_000 : undefined;
  }

  watch(onChange: (lost: boolean) => void, signal: AbortSignal): void {
    this.#watchers.add(onChange);
    this.#clock.after(0, () => onChange(false));
    signal.addEventListener("abort", () => this.#watchers.delete(onChange), { once: true });
  }

  #wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(ms, resolve);
      const end = () => {
        timer.cancel();
        reject(new OzError("cancelled", "cancelled"));
      };
      signal?.addEventListener("abort", end, { once: true });
    });
  }

  #held(id: string): Held {
    const held = this.#containers.get(id);
    if (held === undefined) throw new OzError("not_found", `no container ${id}`);
    return held;
  }

  #assertUp(): void {
    if (this.#down) throw new OzError("engine_unavailable", "the container engine does not answer");
  }

  #change(id: string, change: Partial<ObservedContainer>): void {
    const held = this.#held(id);
    this.#containers.set(id, { ...held, seen: { ...held.seen, ...change } });
  }

  #end(id: string, exitCode: number): void {
    if (this.#containers.get(id)?.seen.phase !== "running") return;
    this.#change(id, { phase: "ended", pid: 0, exitCode, endedAt: this.#clock.now() });
    this.#changed();
  }

  #changed(lost = false): void {
    if (!this.#down) for (const watcher of this.#watchers) this.#clock.after(0, () => watcher(lost));
  }
}

function observed(id: string, name: string, plan: ContainerPlan): ObservedContainer {
  const { replicaId, generation, attempt, specHash, slot, spec } = plan;
  const { instance, group, service, variety, profile, secretKeys } = spec;
  const ports = Object.entries(plan.hostPorts).map(([key, hostPort]) => {
    const [port, transport = "tcp"] = key.split("/");
    return { containerPort: Number(port), hostPort, hostAddress: "127.0.0.1", transport };
  });
  const named = { replicaId, generation, attempt, specHash, slot, instance, group, service, variety, profile };
  const times = { pid: 0, startedAt: 0, endedAt: 0 };
  const end = { exitCode: 0, outOfMemory: false, error: "", secretKeys };
  const around = { check: "none", address: "10.0.0.2", ports, imageId: `sha256:${plan.image}` } as const;
  return { id, name, ...named, phase: "created", ...times, ...end, ...around };
}
