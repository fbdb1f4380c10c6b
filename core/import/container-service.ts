// What an engine says about one container, in the words of Compose. Values that the engine fills in by itself are left out.
import { isMap } from "./input-map.ts";
import { type NoteList, shown } from "./notes.ts";
import { bytesText, spanText } from "./amounts.ts";
import { mountsOf } from "./container-mounts.ts";
import { networksOf } from "./container-networks.ts";
import { copyOf, type Described, isNothing, list, same, take } from "./described.ts";

/** Keys that say what happened, or what the engine found out, not what somebody asked for. */
const facts = {
  Config: [
    "Image",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    // OpenStdin says the same.
    "StdinOnce",
    "ExposedPorts",
    "Volumes",
    "ArgsEscaped",
  ],
  HostConfig: ["ContainerIDFile", "Binds", "Mounts", "ConsoleSize", "NetworkMode"],
};

/** Values of the engine that mean "as always". */
const defaults: Described = {
  CgroupnsMode: ["private"],
  IpcMode: ["private", "shareable"],
  Isolation: ["default"],
  LogConfig: [{ Type: "json-file", Config: {} }],
  Runtime: ["runc", "io.containerd.runc.v2"],
  ShmSize: [64 << 20],
  MemorySwappiness: [-1],
  OomScoreAdj: [0],
  StopTimeout: [10],
  PidsLimit: [-1],
};

export type DescribedContainer = {
  readonly container: Described;
  readonly image: Described;
  readonly engine: Described;
};

/** A service in the form of Compose; what has no word there is listed. */
export function containerService(described: DescribedContainer, notes: NoteList, path: string): Described {
  const { container, image, engine } = described;
  const config = copyOf(container["Config"]);
  const host = copyOf(container["HostConfig"]);
  // Before control groups of version 2 an engine gave everybody the host's.
  if (engine["CgroupVersion"] === "1" && host["CgroupnsMode"] === "host") host["CgroupnsMode"] = undefined;
  for (const kind of ["MaskedPaths", "ReadonlyPaths"] as const)
    if (areUsual(kind, host[kind])) host[kind] = undefined;
    else if (isEmptyList(host[kind])) host[kind] = "unconfined";
  const own = copyOf(image["Config"]);
  const service: Described = {
    image: config["Image"],
    ...differing(config, own, { User: "user", WorkingDir: "working_dir", StopSignal: "stop_signal" }),
    ...processOf(config, own),
    environment: environmentOf(take(config, "Env"), own["Env"]),
    healthcheck: healthOf(take(config, "Healthcheck"), own["Healthcheck"]),
    labels: labelsOf(take(config, "Labels"), own["Labels"]),
    ports: portsOf(take(host, "PortBindings")),
    volumes: mountsOf(container["Mounts"], host),
    tmpfs: tmpfsOf(take(host, "Tmpfs")),
    devices: devicesOf(take(host, "Devices")),
    gpus: gpusOf(take(host, "DeviceRequests")),
    restart: restartOf(host),
    ulimits: ulimitsOf(take(host, "Ulimits")),
    networks: networksOf(container, host["NetworkMode"]),
    ...hostWords(host, config),
  };
  const mode = host["NetworkMode"];
  if (typeof mode === "string" && /^(host|none|container:)/.test(mode)) service["network_mode"] = mode;
  const hostname = take(config, "Hostname");
  if (typeof hostname === "string" && !String(container["Id"] ?? "").startsWith(hostname))
    service["hostname"] = hostname;
  listRest(config, own, facts.Config, `${path}.Config`, notes);
  listRest(host, {}, facts.HostConfig, `${path}.HostConfig`, notes);
  return Object.fromEntries(Object.entries(service).filter(([, value]) => !isNothing(value)));
}

function hostWords(host: Described, config: Described): Described {
  const memory = Number(take(host, "Memory") ?? 0);
  const swap = Number(take(host, "MemorySwap") ?? 0);
  const cpus = Number(take(host, "NanoCpus") ?? 0) / 1e9;
  const [quota, period] = [Number(host["CpuQuota"] ?? 0), Number(host["CpuPeriod"] ?? 0) || 100_000];
  if (quota > 0) [host["CpuQuota"], host["CpuPeriod"]] = [undefined, undefined];
  const pids = take(host, "PidsLimit");
  const stop = take(config, "StopTimeout");
  const ipc = take(host, "IpcMode");
  const runtime = take(host, "Runtime");
  return {
    mem_limit: memory > 0 ? bytesText(memory) : undefined,
    // The engine doubles the limit by itself.
    memswap_limit: swap !== 0 && swap !== 2 * memory && swap !== memory ? swap : undefined,
    cpus: cpus > 0 ? cpus : quota > 0 ? quota / period : undefined,
    pids_limit: typeof pids === "number" && pids > 0 ? pids : undefined,
    stop_grace_period: typeof stop === "number" ? `${stop}s` : undefined,
    ipc: isDefault("IpcMode", ipc) ? undefined : ipc,
    runtime: isDefault("Runtime", runtime) ? undefined : runtime,
    shm_size: sizeOf(take(host, "ShmSize")),
    privileged: take(host, "Privileged") === true ? true : undefined,
    read_only: take(host, "ReadonlyRootfs") === true ? true : undefined,
    init: take(host, "Init") === true ? true : undefined,
    cap_add: take(host, "CapAdd"),
    cap_drop: take(host, "CapDrop"),
    security_opt: take(host, "SecurityOpt"),
    extra_hosts: take(host, "ExtraHosts"),
  };
}

function sizeOf(bytes: unknown): unknown {
  return typeof bytes !== "number" || isDefault("ShmSize", bytes) ? undefined : bytesText(bytes);
}

/** Entrypoint and command, unless both are the image's. */
function processOf(config: Described, own: Described): Described {
  const [entrypoint, command] = [take(config, "Entrypoint"), take(config, "Cmd")];
  const sameEntrypoint = same(entrypoint, own["Entrypoint"]);
  if (sameEntrypoint && same(command, own["Cmd"])) return {};
  return { ...(!sameEntrypoint && { entrypoint }), command };
}

function differing(config: Described, own: Described, words: Readonly<Record<string, string>>): Described {
  return Object.fromEntries(
    Object.entries(words).flatMap(([key, word]) => {
      const value = take(config, key);
      return same(value, own[key]) ? [] : [[word, value]];
    }),
  );
}

function environmentOf(env: unknown, own: unknown): unknown {
  const known = new Set(list(own));
  return list(env).filter((line) => !known.has(line));
}

function labelsOf(labels: unknown, own: unknown): unknown {
  const known = copyOf(own);
  return Object.fromEntries(Object.entries(copyOf(labels)).filter(([key, value]) => known[key] !== value));
}

/** The engine writes nanoseconds, and 0 for its own default. */
function healthOf(health: unknown, own: unknown): unknown {
  if (!isMap(health) || same(health, own)) return undefined;
  const { Test, Interval, Timeout, Retries, StartPeriod, ...rest } = health;
  const span = (value: unknown) => (typeof value === "number" && value > 0 ? spanText(value) : undefined);
  const check = {
    test: Test,
    interval: span(Interval),
    timeout: span(Timeout),
    retries: Retries || undefined,
    start_period: span(StartPeriod),
    ...rest,
  };
  return Object.fromEntries(Object.entries(check).filter(([, value]) => !isNothing(value)));
}

function portsOf(bindings: unknown): unknown[] {
  return Object.entries(copyOf(bindings)).flatMap(([key, places]) => {
    const [target, protocol = "tcp"] = key.split("/");
    return list<Described>(places).map(({ HostPort, HostIp, ...rest }) => ({
      target,
      protocol,
      published: HostPort ?? "",
      host_ip: HostIp ?? "",
      ...rest,
    }));
  });
}

function tmpfsOf(tmpfs: unknown): string[] {
  return Object.entries(copyOf(tmpfs)).map(([target, options]) =>
    options === "" ? target : `${target}:${String(options)}`,
  );
}

function devicesOf(devices: unknown): unknown[] {
  return list<Described>(devices).map(({ PathOnHost, PathInContainer, CgroupPermissions, ...rest }) => ({
    source: PathOnHost,
    target: PathInContainer,
    permissions: CgroupPermissions,
    ...rest,
  }));
}

function gpusOf(requests: unknown): unknown[] {
  return list<Described>(requests).map(({ Driver, Count, DeviceIDs, Capabilities, ...rest }) => ({
    ...(Driver !== "" && { driver: Driver }),
    ...(list(DeviceIDs).length > 0 ? { device_ids: DeviceIDs } : { count: Count === -1 ? "all" : Count }),
    capabilities: list<unknown[]>(Capabilities).flat(),
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => !isNothing(value))),
  }));
}

function restartOf(host: Described): string {
  const { Name, MaximumRetryCount, ...rest } = copyOf(take(host, "RestartPolicy"));
  host["RestartPolicy"] = rest;
  const name = typeof Name === "string" && Name !== "" ? Name : "no";
  return typeof MaximumRetryCount === "number" && MaximumRetryCount > 0 ? `${name}:${MaximumRetryCount}` : name;
}

function ulimitsOf(limits: unknown): Described {
  return Object.fromEntries(
    list<Described>(limits).map(({ Name, Soft, Hard, ...rest }) => [String(Name), { soft: Soft, hard: Hard, ...rest }]),
  );
}

/** What an engine hides of /proc and /sys in every container, by itself; newer ones have more of it. */
const usual = {
  MaskedPaths: {
    all: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
    more: /^\/proc\/(acpi|asound|interrupts|latency_stats|timer_stats)$|^\/sys\/devices\/(virtual\/powercap|system\/cpu\/)/,
  },
  ReadonlyPaths: {
    all: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    more: /^$/,
  },
} as const;

function areUsual(kind: keyof typeof usual, paths: unknown): boolean {
  const { all, more }: { all: readonly string[]; more: RegExp } = usual[kind];
  const given = list<string>(paths);
  return (
    given.length > 0 &&
    all.every((path) => given.includes(path)) &&
    given.every((path) => all.includes(path) || more.test(path))
  );
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function listRest(map: Described, own: Described, known: readonly string[], path: string, notes: NoteList): void {
  for (const [key, value] of Object.entries(map)) {
    if (known.includes(key) || isNothing(value) || isDefault(key, value) || same(value, own[key])) continue;
    notes.add("not carried", `${path}.${key}`, `there is no setting for it. It says ${shown(value)}.`);
  }
}

function isDefault(key: string, value: unknown): boolean {
  return list(defaults[key]).some((each) => same(each, value)) || isNothing(value);
}
