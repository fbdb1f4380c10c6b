// Settings after parsing: plain JSON, every default still open where placement decides. What a person may write is in schema.ts.
import type { ReplicaSpec } from "#proto/spec_pb.ts";

export type Problem = { file: string; line: number; column: number; path: string; message: string; hint: string };

/** What a host must have before a variety is tried on it. */
export type Requires = {
  /** "nvidia", "amd", "intel"; "any" for any GPU; undefined for none. */
  gpu?: "nvidia" | "amd" | "intel" | "any";
  /** Container runtime the engine must know, "nvidia". */
  runtime?: string;
  /** Lowest driver version. */
  driver?: string;
};

/** One layer of a service definition: base, variety or profile. Only what was written is set. Durations in ms, sizes in bytes. */
export type Layer = {
  image?: string;
  environment?: Record<string, string>;
  properties?: Record<string, unknown>;
  command?: string[];
  entrypoint?: string[];
  /** Variables read from env files, already inlined, below `environment`. As secret as `environment`. */
  envFile?: Record<string, string>;
  dependsOn?: string[];
  networks?: string[];
  volumes?: VolumeMount[];
  ports?: PortWish[];
  bridgeConnector?: { port: number; name: string; network: string };
  footprint?: Record<string, unknown>;
  lockers?: string[];
  requires?: Requires;
  resources?: {
    memoryBytes?: number;
    cpuMillis?: number;
    pids?: number;
    gpus?: number;
    vramBytes?: number;
    diskBytes?: number;
  };
  probes?: ProbeWish[];
  healthcheck?: {
    test?: string[];
    intervalMs?: number;
    timeoutMs?: number;
    retries?: number;
    startPeriodMs?: number;
    disabled?: boolean;
  };
  startupTimeoutMs?: number;
  restart?: {
    condition?: "always" | "on-failure" | "never";
    maxStartsWithoutReady?: number;
    maxStartsInWindow?: number;
    windowMs?: number;
    backoffMinMs?: number;
    backoffMaxMs?: number;
  };
  security?: {
    capAdd?: string[];
    privileged?: boolean;
    user?: string;
    readOnly?: boolean;
    allowNewPrivileges?: boolean;
    devices?: string[];
    hostIpc?: boolean;
    hostNetwork?: boolean;
  };
  shmBytes?: number;
  ulimits?: Record<string, { soft: number; hard: number }>;
  stopGraceMs?: number;
  pullPolicy?: "missing" | "always" | "never";
  /** Environment keys to mask although they do not look secret. */
  secretKeys?: string[];
};

export type VolumeMount = {
  /** True for a named volume that is not the group's own: taken under exactly this name. */
  external?: boolean;
  kind: "bind" | "named" | "tmpfs";
  source: string;
  target: string;
  readOnly: boolean;
  tmpfsBytes?: number;
};
export type PortWish = {
  name: string;
  containerPort: number;
  hostPort: number;
  hostAddress: string;
  transport: "tcp" | "udp";
  protocol: string;
};
export type ProbeWish = {
  http?: { port: number; path: string };
  tcp?: { port: number };
  exec?: { command: string[] };
  intervalMs?: number;
  timeoutMs?: number;
  failureThreshold?: number;
};

export type ServiceDefinition = {
  name: string;
  group: string;
  /** "container" is scheduled; every other type is listed and diffed only. */
  type: string;
  description: string;
  base: Layer;
  /** In declared order. */
  varieties: { name: string; layer: Layer }[];
  profiles: { name: string; layer: Layer }[];
};

export type InstanceWish = {
  name: string;
  group: string;
  service: string;
  variety: string;
  profile: string;
  replicas: number;
  host: string;
  overrides?: Layer;
};

export type Settings = {
  project: string;
  hosts: { name: string; ip: string }[];
  /** Groups that are declared or that services are defined in. What an older version stored has none. */
  groups?: string[];
  services: ServiceDefinition[];
  instances: InstanceWish[];
  /** Registry host → login file on the target host. */
  registries: Record<string, { file: string }>;
  /** Accepted but not needed, or not supported yet; one line each, by name. */
  notices: string[];
};

export type ParseResult =
  | { settings: Settings; problems: []; more: false }
  /** more: there are more problems than these. */
  | { settings: undefined; problems: [Problem, ...Problem[]]; more: boolean };

/** A form of a service that can be tried on a host, in the order the settings declare. */
export type CandidateSpec = { variety: string; requires: Requires; spec: ReplicaSpec };
