// The only place that makes a container request for Docker. Everything is closed by default; each opening is a named setting. Pure.
import { OzError } from "#core/errors.ts";
import { MountKind, type Mount, type ReplicaSpec } from "#proto/spec_pb.ts";
import type Docker from "dockerode";
import { containerName, insideHostname, volumeName } from "./container-name.ts";
import { labels, type ContainerPlan } from "./engine.ts";
import { checkRequest } from "./request-policy.ts";

const defaultPids = 4096;
const nanosecondsPerMs = 1e6;

export type RequestOptions = {
  /** Logical processors of the host; a ceiling above it means no ceiling (Docker would refuse it). Unset: unknown. */
  readonly hostCpus?: number;
  /** True when the engine has NVIDIA's runtime; then a replica without GPUs is told that it sees none. */
  readonly nvidiaRuntime?: boolean;
  /** Device files behind a GPU, by device id, for vendors that are passed as files (AMD, Intel). */
  readonly gpuPaths?: Readonly<Record<string, readonly string[]>>;
  /** Folders of the agent itself, of which no container gets anything; without symlinks. */
  readonly ownFolders?: readonly string[];
};

/** What Docker is asked to create. Throws bad_request when the plan asks for what is never allowed. */
export function containerRequest(
  plan: ContainerPlan,
  network: string,
  options: RequestOptions = {},
): Docker.ContainerCreateOptions {
  checkRequest(plan, options.ownFolders);
  const { spec } = plan;
  const onHostNetwork = spec.security?.hostNetwork === true;
  const healthcheck = healthcheckOf(spec);
  return {
    name: containerName(plan),
    Image: plan.image,
    ...(spec.command.length > 0 && { Cmd: [...spec.command] }),
    ...(spec.entrypoint.length > 0 && { Entrypoint: [...spec.entrypoint] }),
    ...(spec.security?.user && { User: spec.security.user }),
    // On the host's network the name is the host's.
    ...(!onHostNetwork && { Hostname: insideHostname(spec.instance, plan.slot) }),
    Env: environmentOf(plan, options),
    Labels: labelsOf(plan),
    ...(healthcheck !== undefined && { Healthcheck: healthcheck }),
    ...(!onHostNetwork && { ExposedPorts: Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])) }),
    HostConfig: hostConfigOf(plan, network, options),
    ...(!onHostNetwork && {
      NetworkingConfig: {
        EndpointsConfig: { [network]: { Aliases: [spec.instance, `${spec.instance}-${plan.slot}`] } },
      },
    }),
  };
}

function hostConfigOf(plan: ContainerPlan, network: string, options: RequestOptions): Docker.HostConfig {
  const { spec } = plan;
  const security = spec.security;
  const memory = Number(spec.resources?.memoryBytes ?? 0n);
  const nanoCpus = nanoCpusOf(spec, options);
  const devices = devicesOf(plan, options);
  return {
    CapDrop: ["ALL"],
    CapAdd: [...(security?.capAdd ?? [])],
    SecurityOpt: security?.allowNewPrivileges ? [] : ["no-new-privileges:true"],
    Privileged: security?.privileged === true,
    ReadonlyRootfs: security?.readOnly === true,
    IpcMode: security?.hostIpc ? "host" : "private",
    NetworkMode: security?.hostNetwork ? "host" : network,
    PidsLimit: spec.resources?.pids || defaultPids,
    // Equal: no swap, so that the ceiling is the ceiling.
    ...(memory > 0 && { Memory: memory, MemorySwap: memory }),
    ...(nanoCpus > 0 && { NanoCpus: nanoCpus }),
    ...(spec.shmBytes > 0n && { ShmSize: Number(spec.shmBytes) }),
    Ulimits: spec.ulimits.map((limit) => ({ Name: limit.name, Soft: Number(limit.soft), Hard: Number(limit.hard) })),
    LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
    // Attempts are the agent's to make: Docker's own policies lose containers when it is killed.
    RestartPolicy: { Name: "no" },
    PortBindings: security?.hostNetwork ? {} : portBindingsOf(plan),
    Mounts: spec.mounts.map((mount) => mountOf(mount, plan)) as Docker.MountConfig,
    Devices: devices.files.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm" })),
    DeviceRequests: devices.requests,
  };
}

function labelsOf(plan: ContainerPlan): Record<string, string> {
  const { spec } = plan;
  return {
    [labels.cluster]: plan.clusterId,
    [labels.replica]: plan.replicaId,
    [labels.generation]: String(plan.generation),
    [labels.attempt]: String(plan.attempt),
    [labels.specHash]: plan.specHash,
    [labels.instance]: spec.instance,
    [labels.group]: spec.group,
    [labels.slot]: String(plan.slot),
    [labels.service]: spec.service,
    [labels.variety]: spec.variety,
    [labels.profile]: spec.profile,
    ...(spec.secretKeys.length > 0 && { [labels.secretKeys]: spec.secretKeys.join(" ") }),
  };
}

const nvidiaDevices = "NVIDIA_VISIBLE_DEVICES";

/** CUDA images ask for every GPU through a variable; placement decides instead, so what they say is overruled. */
function environmentOf(plan: ContainerPlan, options: RequestOptions): string[] {
  const environment: Record<string, string> = { ...plan.spec.environment };
  delete environment[nvidiaDevices];
  const ids = plan.spec.resources?.deviceIds ?? [];
  if (options.nvidiaRuntime) {
    environment[nvidiaDevices] = plan.spec.resources?.gpuVendor === "nvidia" && ids.length > 0 ? ids.join(",") : "void";
  }
  return Object.entries(environment).map(([key, value]) => `${key}=${value}`);
}

function nanoCpusOf(spec: ReplicaSpec, options: RequestOptions): number {
  const millis = spec.resources?.cpuMillis ?? 0;
  const most = options.hostCpus === undefined ? millis : Math.min(millis, options.hostCpus * 1000);
  return most * 1e6;
}

/** "8000/tcp", as Docker and ContainerPlan.hostPorts write a port. */
export function portKey(port: { containerPort: number; transport: string }): string {
  return `${port.containerPort}/${port.transport || "tcp"}`;
}

function portBindingsOf(plan: ContainerPlan): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of plan.spec.ports) {
    const chosen = port.hostPort || (plan.hostPorts[portKey(port)] ?? 0);
    const binding = { HostIp: port.hostAddress || "127.0.0.1", HostPort: chosen === 0 ? "" : String(chosen) };
    (bindings[portKey(port)] ??= []).push(binding);
  }
  return bindings;
}

/** No driver options in any of them: a driver's `o=bind` would be a way around the policy. */
function mountOf(mount: Mount, { clusterId, spec }: Pick<ContainerPlan, "clusterId" | "spec">): object {
  const common = { Target: mount.target, ReadOnly: mount.readOnly };
  if (mount.kind === MountKind.BIND) {
    return { ...common, Type: "bind", Source: mount.source, BindOptions: { Propagation: "rprivate" } };
  }
  if (mount.kind === MountKind.NAMED) {
    return {
      ...common,
      Type: "volume",
      ...(mount.external
        ? { Source: mount.source }
        : {
            Source: volumeName(clusterId, spec.group, mount.source),
            VolumeOptions: { Labels: { [labels.cluster]: clusterId } },
          }),
    };
  }
  const size = Number(mount.tmpfsBytes);
  return { ...common, Type: "tmpfs", TmpfsOptions: { ...(size > 0 && { SizeBytes: size }), Mode: 0o1777 } };
}

function healthcheckOf(spec: ReplicaSpec): Docker.HealthConfig | undefined {
  const check = spec.health?.containerCheck;
  if (check === undefined) return undefined;
  if (check.disabled) return { Test: ["NONE"] };
  if (check.test.length === 0) return undefined;
  const nanoseconds = (ms: bigint) => Number(ms) * nanosecondsPerMs;
  return {
    Test: [check.test.length === 1 ? "CMD-SHELL" : "CMD", ...check.test],
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    Retries: check.retries,
    StartPeriod: nanoseconds(check.startPeriodMs),
  };
}

function devicesOf(
  plan: ContainerPlan,
  options: RequestOptions,
): { files: string[]; requests: Docker.DeviceRequest[] } {
  const resources = plan.spec.resources;
  const files = [...(plan.spec.security?.devices ?? [])];
  if (resources === undefined || (resources.gpus === 0 && resources.deviceIds.length === 0))
    return { files, requests: [] };
  const ids = resources.deviceIds;
  if (ids.length < resources.gpus) {
    throw new OzError("internal", `${plan.spec.instance} wants ${resources.gpus} GPUs and was given ${ids.length}.`);
  }
  if (resources.gpuVendor === "nvidia") {
    return {
      files,
      requests: [{ Driver: "nvidia", DeviceIDs: [...ids], Capabilities: [["gpu", "compute", "utility"]] }],
    };
  }
  if (resources.gpuVendor === "amd") files.push("/dev/kfd");
  for (const id of ids) {
    const paths = options.gpuPaths?.[id];
    if (paths === undefined) throw new OzError("internal", `No device file is known for GPU ${id}.`);
    files.push(...paths);
  }
  return { files, requests: [] };
}
