// A whole cluster for a test: a control plane and agents as processes of their own, on state of their own; everything they made goes with it.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import { type Host, HostState, ListHostsResponseSchema } from "#proto/hosts_pb.ts";
import { type ListInstancesResponse, ListInstancesResponseSchema } from "#proto/instances_pb.ts";
import { type Replica, ReplicaState } from "#proto/replicas_pb.ts";
import { unaryJson } from "../../cli/connect-json.ts";
import { testedProgram } from "./built-programs.ts";
import { ensureBusyboxImage } from "./busybox-image.ts";
import {
  clusterContainers,
  type Docker,
  machineDocker,
  removeClusterThings,
  type SeenContainer,
} from "./cluster-containers.ts";
import { freePort } from "./control-plane.ts";
import { type ManagedProgram, managedProgram } from "./managed-program.ts";
import type { PrivateEngine } from "./private-engine.ts";
import { type CommandResult, mustRun, runCommand } from "./run-command.ts";
import { waitUntil } from "./wait-until.ts";

export type ClusterOptions = {
  /** Address the control plane listens on and tells others. Default 127.0.0.1. */
  address?: string;
  /** What it listens on. Default: that address. */
  listen?: string;
  /** Folder for the control plane's state, for example on a small disk. Default: a new one. */
  stateDir?: string;
  /** Command line of the control plane's program. Default: what is tested. */
  program?: readonly string[];
};

export type AgentOptions = {
  /** Default "alpha". */
  name?: string;
  /** Default: the machine's own engine. */
  engine?: Pick<PrivateEngine, "socketPath" | "docker">;
  /** Where the agent's network is; default: the machine's. */
  enter?: (argv: readonly string[]) => string[];
  /** Folder for its state. Default: a new one. */
  stateDir?: string;
};

export type ClusterAgent = ManagedProgram & { readonly stateDir: string; readonly docker: Docker };

type Ask<T> = () => Promise<T | undefined | false> | T | undefined | false;

type Parts = {
  readonly id: string;
  readonly folder: string;
  readonly stateDir: string;
  readonly socket: string;
  readonly address: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly control: ManagedProgram;
};

/** Starts a control plane and nothing else. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { address = "127.0.0.1", listen = address } = options;
  await ensureBusyboxImage();
  const folder = await mkdtemp(join(tmpdir(), "ozwald-cluster-"));
  const stateDir = options.stateDir ?? join(folder, "state");
  const socket = join(folder, "control.sock");
  const env = {
    OZWALD_CONFIG_DIR: join(folder, "config"),
    OZWALD_CONTEXT: "local",
    OZWALD_SOCKET: socket,
    NO_COLOR: "1",
  };
  const port = await freePort();
  const flags = ["--state", stateDir, "--listen", `${listen}:${port}`, "--rest", "off", "--socket", socket];
  const control = managedProgram({
    name: "control plane",
    argv: [...(options.program ?? testedProgram("ozwald-controlplane")), "run", ...flags, "--advertise", address],
    env,
    isReady: (output) => /"msg":"ready"/.test(output),
  });
  try {
    await control.start();
  } catch (error) {
    await control.kill9();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const id = /"cluster":"([0-9a-z]+)"/.exec(control.output())?.[1] ?? "";
  return new Cluster({ id, folder, stateDir, socket, address, port, env, control });
}

export class Cluster {
  /** Label of everything the cluster makes. */
  readonly id: string;
  readonly folder: string;
  readonly stateDir: string;
  readonly address: string;
  readonly port: number;
  readonly control: ManagedProgram;
  /** Environment in which ozctl finds this cluster. */
  readonly env: Readonly<Record<string, string>>;
  readonly #socket: string;
  readonly #agents: ClusterAgent[] = [];
  #files = 0;

  constructor(parts: Parts) {
    this.id = parts.id;
    this.folder = parts.folder;
    this.stateDir = parts.stateDir;
    this.address = parts.address;
    this.port = parts.port;
    this.control = parts.control;
    this.env = parts.env;
    this.#socket = parts.socket;
  }

  /** Runs ozctl; never throws for a failure of ozctl. */
  ozctl(...args: string[]): Promise<CommandResult> {
    return runCommand([...testedProgram("ozctl"), ...args], { env: this.env, timeoutMs: 120_000 });
  }

  /** Runs ozctl with -o json; throws unless it exits with 0. */
  async ozctlJson<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.ozctl(...args, "-o", "json");
    if (code !== 0) throw new Error(`ozctl ${args.join(" ")} exited with ${code}:\n${stderr}${stdout}`);
    return JSON.parse(stdout) as T;
  }

  /** Writes settings into a file and returns its path. */
  async settings(text: string): Promise<string> {
    const path = join(this.folder, `settings-${++this.#files}.yml`);
    await writeFile(path, text);
    return path;
  }

  /** `ozctl apply --yes` with these settings and more flags. */
  async apply(text: string, ...flags: string[]): Promise<CommandResult> {
    return this.ozctl("apply", "--yes", "-f", await this.settings(text), ...flags);
  }

  /** As apply; throws unless it exits with 0. */
  async mustApply(text: string, ...flags: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.apply(text, ...flags);
    if (code !== 0) throw await this.#explained(new Error(`ozctl apply exited with ${code}:\n${stderr}${stdout}`));
    return stdout;
  }

  /** Invites a host and joins it, without starting its agent. */
  async join(options: AgentOptions = {}): Promise<ClusterAgent> {
    const { name = "alpha", engine } = options;
    const invite = await this.ozctl("host", "invite", "--name", name, "-o", "json");
    if (invite.code !== 0) throw new Error(`ozctl host invite: ${invite.stderr}`);
    const { address, token } = JSON.parse(invite.stdout) as { address: string; token: string };
    const within = options.enter ?? ((argv: readonly string[]) => [...argv]);
    const agent = this.agentProgram({ ...options, name });
    const argv = [...testedProgram("ozwald-agent"), "join", address, "--token", "-", "--state", agent.stateDir];
    await mustRun(within(argv), { input: token, env: { ...this.env } });
    return Object.assign(agent, { docker: engine?.docker ?? machineDocker });
  }

  /** An agent on some state folder, whether or not that has joined. */
  agentProgram(options: AgentOptions & { name: string }): ClusterAgent {
    const { name, engine, enter = (argv: readonly string[]) => [...argv] } = options;
    const stateDir = options.stateDir ?? join(this.folder, `agent-${this.#agents.length + 1}`);
    const engineFlags = engine === undefined ? [] : ["--engine", `unix://${engine.socketPath}`];
    const argv = enter([...testedProgram("ozwald-agent"), "run", "--state", stateDir, ...engineFlags]);
    const isReady = (output: string) => output.includes(" works as ");
    const program = managedProgram({ name: `agent ${name}`, argv, env: this.env, isReady });
    const agent = Object.assign(program, { stateDir, docker: engine?.docker ?? machineDocker });
    this.#agents.push(agent);
    return agent;
  }

  /** Joins a host, starts its agent and waits until it is online. */
  async addHost(options: AgentOptions = {}): Promise<ClusterAgent> {
    const agent = await this.join(options);
    await agent.start();
    await this.untilHost(options.name ?? "alpha", HostState.ONLINE);
    return agent;
  }

  async instances(): Promise<ListInstancesResponse> {
    return fromJsonString(ListInstancesResponseSchema, await this.#call("ozwald.v1.InstancesService/ListInstances"));
  }

  async hosts(): Promise<Host[]> {
    return fromJsonString(ListHostsResponseSchema, await this.#call("ozwald.v1.HostsService/ListHosts")).hosts;
  }

  async host(name: string): Promise<Host | undefined> {
    return (await this.hosts()).find((host) => host.name === name);
  }

  /** The replica of an instance of the default group in a slot (default 0). */
  async replica(name: string, slot = 0): Promise<Replica | undefined> {
    const { instances } = await this.instances();
    const found = instances.find((instance) => instance.name === name && instance.group === "default");
    return found?.units.find((unit) => unit.slot === slot);
  }

  /** Waits until the instance's first replica is in that state. */
  untilState(instance: string, state: ReplicaState, timeoutMs?: number): Promise<Replica> {
    const seen = async () => {
      const replica = await this.replica(instance);
      return replica?.state === state ? replica : undefined;
    };
    return this.waitFor(`${instance} is ${nameOf(ReplicaState, state)}`, seen, timeoutMs, 30);
  }

  untilReady(instance: string, timeoutMs?: number): Promise<Replica> {
    return this.untilState(instance, ReplicaState.READY, timeoutMs);
  }

  untilHost(name: string, state: HostState, timeoutMs?: number): Promise<Host> {
    const seen = async () => {
      const host = await this.host(name);
      return host?.state === state ? host : undefined;
    };
    return this.waitFor(`host ${name} is ${nameOf(HostState, state)}`, seen, timeoutMs);
  }

  /** Containers of this cluster on an engine (default: the machine's), ended ones too. */
  containers(docker: Docker = machineDocker): Promise<SeenContainer[]> {
    return clusterContainers(docker, this.id);
  }

  /** The one running container of an instance; throws when there are several or none. */
  async container(instance: string, docker?: Docker): Promise<SeenContainer> {
    const running = (await this.containers(docker)).filter((each) => each.instance === instance && each.running);
    const [one] = running;
    if (one === undefined || running.length > 1) {
      throw new Error(`${instance} has ${running.length} running containers`);
    }
    return one;
  }

  /** Waits as waitUntil does (default 20 s), and says what everybody said when it was in vain. */
  async waitFor<T>(what: string, ask: Ask<T>, timeoutMs = 20_000, intervalMs = 50): Promise<T> {
    try {
      return await waitUntil(what, ask, timeoutMs, intervalMs);
    } catch (error) {
      throw await this.#explained(error as Error);
    }
  }

  /** Kills everything that was started and removes everything that was made. */
  async dispose(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.kill9()));
    await this.control.kill9();
    await removeClusterThings(this.id);
    await rm(this.folder, { recursive: true, force: true });
  }

  #call(method: string): Promise<string> {
    return unaryJson({ address: `unix:${this.#socket}` }, method, "{}", { timeoutMs: 5_000 });
  }

  async #explained(error: Error): Promise<Error> {
    const programs = [this.control, ...this.#agents];
    const tails = programs.map((program) => `--- ${program.name}\n${program.output().slice(-3000)}`);
    const ps = await this.ozctl("ps", "-o", "wide").catch(() => ({ stdout: "", stderr: "" }));
    return new Error([error.message, "--- ps", ps.stdout + ps.stderr, ...tails].join("\n"), { cause: error });
  }
}

function nameOf(states: Readonly<Record<string, number>>, state: number): string {
  return Object.keys(states).find((name) => states[name] === state) ?? String(state);
}
