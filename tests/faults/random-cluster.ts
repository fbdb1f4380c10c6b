// Two hosts and a control plane, all that may happen to them, and what of them differs from what was asked for last.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HostState } from "#proto/hosts_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { type BusyboxService, busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { type NetnsHost, type NetnsHosts, netnsHosts } from "../support/netns-hosts.ts";
import type { Dice } from "./dice.ts";

const names = ["a", "b", "c", "d"];

type Program = { kill9(): Promise<void>; start(): Promise<void> };
type Wanted = BusyboxService & { readonly replicas: number };

export class RandomCluster {
  readonly #dice: Dice;
  readonly #machines: NetnsHosts;
  readonly #cluster: Cluster;
  readonly #agents: readonly ClusterAgent[];
  readonly #cut = new Set<NetnsHost>();
  #edition = 0;
  #wanted: readonly Wanted[] = [];

  private constructor(dice: Dice, machines: NetnsHosts, cluster: Cluster, agents: readonly ClusterAgent[]) {
    this.#dice = dice;
    this.#machines = machines;
    this.#cluster = cluster;
    this.#agents = agents;
  }

  static async open(dice: Dice): Promise<RandomCluster> {
    await using undo = new AsyncDisposableStack();
    const machines = undo.adopt(await netnsHosts({ count: 2 }), (each) => each.dispose());
    const cluster = undo.adopt(await startCluster({ address: machines.bridgeAddress }), (each) => each.dispose());
    const agents: ClusterAgent[] = [];
    for (const [i, { engine, enter }] of machines.hosts.entries())
      agents.push(await cluster.addHost({ name: `h${i}`, engine, enter }));
    undo.move();
    return new RandomCluster(dice, machines, cluster, agents);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.dispose();
    await this.#machines.dispose();
  }

  /** By what they are called in a report. */
  readonly faults: Readonly<Record<string, () => Promise<unknown>>> = {
    apply: () => this.apply(),
    "apply something else": () => this.apply(),
    up: () => this.#ozctl("up", this.#name(), "--detach", "--replicas", `${1 + this.#dice.below(3)}`),
    down: () => this.#ozctl("down", this.#name(), "--detach"),
    restart: () => this.#ozctl("restart", this.#name(), "--detach"),
    "cancel the newest change": () => this.#cancelNewest(),
    "kill the control plane": () => this.#kill(this.#cluster.control),
    "kill an agent": () => this.#kill(this.#dice.pick(this.#agents)),
    "kill every program": () => this.#killAll(),
    "kill an engine": () => this.#kill(this.#host().engine),
    "restart an engine": () => this.#host().engine.restart(),
    "kill a container": () => this.#toContainer("kill"),
    "remove a container": () => this.#toContainer("rm", "-f"),
    "cut a host off, or heal it": () => this.#cutOrHeal(),
    "lose the database": () => this.#loseDatabase(),
    wait: () => sleep(this.#dice.roll() * 2_000),
  };

  /** Wants something else from now on. */
  async apply(): Promise<void> {
    this.#edition++;
    const dice = this.#dice;
    this.#wanted = names
      .filter(() => dice.chance(0.8))
      .map((name) => ({
        name,
        replicas: 1 + dice.below(3),
        ...(dice.chance(0.5) && { host: dice.pick(["h0", "h1"]) }),
        ...(dice.chance(0.3) && { script: "trap '' TERM; while :; do sleep 1; done" }),
        more: {
          stop_grace: dice.pick(["0", "1s", "2s"]),
          environment: { EDITION: `${this.#edition}` },
          ...(dice.chance(0.3) && { probes: [{ exec: { command: ["true"] } }] }),
          restart: { backoff_min: 0.1, backoff_max: 0.5, max_starts_in_window: 60, max_starts_without_ready: 60 },
        },
      }));
    await this.#cluster.apply(busyboxSettings(...this.#wanted), "--detach");
  }

  /** All is back, and unknown replicas are ended, as a person would do it after a lost database. */
  async heal(): Promise<void> {
    for (const host of this.#cut) await host.heal();
    this.#cut.clear();
    for (const name of ["h0", "h1"]) await this.#cluster.untilHost(name, HostState.ONLINE, 60_000);
    await this.apply();
    for (const name of ["h0", "h1"]) await this.#ozctl("retire", name, "--all");
  }

  /** Waits until all is as it was asked for. Throws with what differs, and with what everybody said. */
  async settle(timeoutMs: number): Promise<void> {
    let differing: readonly string[] = [];
    const none = async () => (differing = await this.#differences()).length === 0;
    await this.#cluster
      .waitFor("what runs is what was asked for last", none, timeoutMs, 250)
      .catch((error: unknown) => {
        throw new Error(`${differing.join("\n")}\n${(error as Error).message}`, { cause: error });
      });
  }

  async #differences(): Promise<string[]> {
    const { instances, unknown } = await this.#cluster.instances();
    const units = instances.flatMap((instance) => instance.units);
    const shown = new Map(units.map((unit) => [`${unit.instance}#${unit.slot}`, unit]));
    const slots = this.#wanted.flatMap(({ name, host, replicas }) =>
      Array.from({ length: replicas }, (_, slot) => ({ key: `${name}#${slot}`, host })),
    );
    const found = (await Promise.all(this.#machines.hosts.map((host) => this.#running(host)))).flat();
    const right = this.#wanted.flatMap(({ name, replicas }) =>
      Array<string>(replicas).fill(`${name} ${this.#edition}`),
    );
    const plan = await this.#ozctl("plan", "--detailed-exit-code", "-f", await this.#settings());
    const { stdout: operations } = await this.#ozctl("ops");
    return [
      ...slots
        .filter(({ key }) => shown.get(key)?.state !== ReplicaState.READY)
        .map(({ key }) => `${key} is not ready`),
      ...slots
        .filter(({ key, host = "" }) => host !== "" && shown.get(key)?.host !== host)
        .map(({ key, host }) => `${key} is not on ${host}`),
      ...(units.length === slots.length ? [] : [`${units.length} replicas for ${slots.length} slots`]),
      ...(unknown.length === 0 ? [] : [`${unknown.length} unknown replicas`]),
      ...(found.toSorted().join() === right.toSorted().join() ? [] : [`there run ${found.join(", ")}`]),
      ...(plan.code === 0 ? [] : [`plan: exit ${plan.code}\n${plan.stdout}${plan.stderr}`]),
      ...(operations.includes("running") ? [operations] : []),
    ];
  }

  /** Instance and edition of each running container, as the engine says it. */
  async #running({ engine }: NetnsHost): Promise<string[]> {
    const running = (await this.#cluster.containers(engine.docker)).filter((each) => each.running);
    const format = '{{index .Config.Labels "ozwald.instance"}}{{range .Config.Env}} {{.}}{{end}}';
    const texts = await Promise.all(
      running.map(({ id }) => engine.docker("inspect", "--format", format, id).catch(() => "gone")),
    );
    return texts.map((text) => `${text.split(" ")[0]} ${/EDITION=(\d+)/.exec(text)?.[1]}`);
  }

  #ozctl(...words: string[]) {
    return this.#cluster.ozctl(...words);
  }

  #settings(): Promise<string> {
    return this.#cluster.settings(busyboxSettings(...this.#wanted));
  }

  #name(): string {
    return this.#dice.pick(names);
  }

  #host(): NetnsHost {
    return this.#dice.pick(this.#machines.hosts);
  }

  async #cancelNewest(): Promise<void> {
    const { stdout } = await this.#ozctl("ops", "--limit", "1", "-o", "name");
    await this.#ozctl("ops", "cancel", stdout.trim());
  }

  async #kill(program: Program): Promise<void> {
    await program.kill9();
    await sleep(this.#dice.roll() * 800);
    await program.start();
  }

  async #killAll(): Promise<void> {
    const all: readonly Program[] = [this.#cluster.control, ...this.#agents];
    await Promise.all(all.map((program) => program.kill9()));
    await Promise.all(all.map((program) => program.start()));
  }

  async #toContainer(...words: string[]): Promise<void> {
    const { docker } = this.#host().engine;
    const running = (await this.#cluster.containers(docker)).filter((each) => each.running);
    // It may end by itself before it is found.
    if (running.length > 0) await docker(...words, this.#dice.pick(running).id).catch(() => "");
  }

  async #cutOrHeal(): Promise<void> {
    const host = this.#host();
    if (this.#cut.delete(host)) return host.heal();
    this.#cut.add(host);
    return host.cut();
  }

  async #loseDatabase(): Promise<void> {
    const { control, stateDir } = this.#cluster;
    await control.kill9();
    for (const file of readdirSync(stateDir)) if (file.startsWith("controlplane.db")) rmSync(join(stateDir, file));
    await control.start();
  }
}
