// The container engine as the agent needs it. Docker implements it in docker-engine.ts; nothing else knows Docker's words.
import type { ReplicaSpec } from "#proto/spec_pb.ts";
import type { Engine } from "#proto/inventory_pb.ts";

/** Labels that tell the truth about a container of ours. */
export const labels = {
  cluster: "ozwald.cluster",
  replica: "ozwald.replica",
  generation: "ozwald.generation",
  attempt: "ozwald.attempt",
  specHash: "ozwald.spec",
  instance: "ozwald.instance",
  group: "ozwald.group",
  slot: "ozwald.slot",
  service: "ozwald.service",
  variety: "ozwald.variety",
  profile: "ozwald.profile",
  /** Names, separated by spaces; not there when there are none. */
  secretKeys: "ozwald.secret-keys",
} as const;

export type ContainerPhase = "created" | "running" | "ended";

/** One container of our cluster as it is found. Everything in here comes from the engine and from /proc, nothing from memory. */
export type ObservedContainer = {
  readonly id: string;
  readonly name: string;
  readonly replicaId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly specHash: string;
  readonly instance: string;
  readonly group: string;
  readonly slot: number;
  readonly service: string;
  readonly variety: string;
  readonly profile: string;
  /** "running" only when its process is really there (/proc). */
  readonly phase: ContainerPhase;
  readonly pid: number;
  /** Milliseconds since 1970; 0 when it never started. */
  readonly startedAt: number;
  /** Milliseconds since 1970; 0 when it did not end. */
  readonly endedAt: number;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** What the engine said when it could not start it; empty otherwise. */
  readonly error: string;
  /** Verdict of a check that the engine runs. */
  readonly check: "none" | "starting" | "healthy" | "unhealthy";
  /** Address on its group network; empty when it has none. */
  readonly address: string;
  readonly ports: readonly {
    readonly containerPort: number;
    readonly hostPort: number;
    readonly hostAddress: string;
    readonly transport: string;
  }[];
  readonly imageId: string;
  /** Variables that its settings called secret, so that its log hides their values also when nothing asks for it any more. */
  readonly secretKeys: readonly string[];
};

/** What a container is made from. */
export type ContainerPlan = {
  readonly clusterId: string;
  readonly replicaId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly slot: number;
  readonly spec: ReplicaSpec;
  readonly specHash: string;
  /** Local image to use; differs from spec.image when only "ozwald-<image>" exists. */
  readonly image: string;
  /** Port on the host for each published container port, as "8000/tcp". */
  readonly hostPorts: Readonly<Record<string, number>>;
};

export type PullEvent = { readonly doneBytes: number; readonly totalBytes: number };

export type LogOptions = { follow: boolean; tail: number; timestamps: boolean };

export type OutputSink = {
  stdout(bytes: Uint8Array): Promise<void> | void;
  stderr(bytes: Uint8Array): Promise<void> | void;
};

export type ExecOptions = {
  command: readonly string[];
  stdin: boolean;
  tty: boolean;
  columns: number;
  rows: number;
  user: string;
};

export type ExecSession = {
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
  resize(columns: number, rows: number): Promise<void>;
  /** Resolves with the exit code after all output was given to the sink. */
  readonly exitCode: Promise<number>;
};

/** What every engine does is in agent/testing/engine-contract.ts. Every call has a timeout (10 s unless said otherwise) and throws OzError: engine_unavailable, engine_refused, image_missing, registry_refused, registry_unreachable, port_taken, disk_full, timeout. */
export interface ContainerEngine {
  /** Facts about the engine; its `error` is set instead of throwing when it does not answer. */
  facts(): Promise<Engine>;
  /** Every container that carries our cluster label, running or not. */
  list(): Promise<ObservedContainer[]>;
  /** Names (repo:tag) of local images, newest first. */
  images(): Promise<string[]>;
  /** The local image that satisfies a name: as written, else "ozwald-<name>"; undefined when there is none. */
  resolveImage(image: string): Promise<{ image: string; id: string } | undefined>;
  /** Fetches an image. Ends with image_missing, registry_refused or registry_unreachable. Fails when no byte came for 60 s. */
  pull(
    image: string,
    logins: readonly { registry: string; file: string }[],
    onProgress: (event: PullEvent) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Makes the private network of a group when it is not there; returns its name. */
  ensureNetwork(group: string): Promise<string>;
  /** Removes group networks of ours on which nothing is left. */
  removeUnusedNetworks(groupsInUse: ReadonlySet<string>): Promise<void>;
  /** Makes a container; returns its id. A container of the same name that is ours and not running is replaced. */
  create(plan: ContainerPlan): Promise<string>;
  /** Fine when it runs already. A start that fails leaves the container created, with its error. */
  start(id: string): Promise<void>;
  /** Asks it to end, and ends it hard after graceMs. Resolves when its process is gone. Fine when it is gone already. */
  stop(id: string, graceMs: number): Promise<void>;
  /** Removes a container that ended. Fine when it is gone already. */
  remove(id: string): Promise<void>;
  /** Variables it was made with, those of its image too; none when it is gone. */
  environment(id: string): Promise<Readonly<Record<string, string>>>;
  /** Copies output into the sink; resolves at the end of it, or when the signal aborts. */
  logs(id: string, options: LogOptions, sink: OutputSink, signal: AbortSignal): Promise<void>;
  /** Last lines of output, both streams mixed, without the values that are hidden. */
  tail(id: string, lines: number, hidden?: readonly string[]): Promise<string[]>;
  exec(id: string, options: ExecOptions, sink: OutputSink, signal: AbortSignal): Promise<ExecSession>;
  /** RAM in use in bytes; undefined when unknown. */
  memoryBytes(id: string): Promise<number | undefined>;
  /**
   * Calls back soon after anything happened to a container of ours, and after the engine came back. `lost`: the engine ended the
   * connection meanwhile, so it stops or restarts; calls may wait until it is back and never fail (systemd keeps its socket open).
   * Re-subscribes by itself until aborted.
   */
  watch(onChange: (lost: boolean) => void, signal: AbortSignal): void;
}
