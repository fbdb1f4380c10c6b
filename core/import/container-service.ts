// What an engine says about one container, in the words of Compose. Values that the engine fills in by itself are left out.
import { isMap } from "./input-map.ts";
import { type NoteList, shown } from "./notes.ts";
import { bytesText, spanText } from "./amounts.ts";

type Described = Record<string, unknown>;

/** Keys that say what happened, or what the engine found out, not what somebody asked for. */
const facts = {
  Config: [
    "Image",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "OpenStdin",
    "StdinOnce",
    "ExposedPorts",
    "Volumes",
    "ArgsEscaped",
  ],
  HostConfig: ["ContainerIDFile", "Binds", "Mounts", "ConsoleSize", "MaskedPaths", "ReadonlyPaths", "NetworkMode"],
};

/** Values of the engine that mean "as always". */
const defaults: Described = {
  CgroupnsMode: ["private", "host"],
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

/** A service in the form of Compose; what has no word there is listed. */
export function containerService(container: Described, image: Described, notes: NoteList, path: string): Described {
  const config = copyOf(container["Config"]);
  const host = copyOf(container["HostConfig"]);
  const own = copyOf(image["Config"]);
  const service: Described = {
    image: config["Image"],
    ...differing(config, own, { User: "user", WorkingDir: "working_dir", StopSignal: "stop_signal" }),
    ...processOf(config, own),
    environment: environmentOf(take(config, "Env"), own["Env"]),
    healthcheck: healthOf(take(config, "Healthcheck"), own["Healthcheck"]),
    labels: labelsOf(take(config, "Labels"), own["Labels"]),
    ports: portsOf(take(host, "PortBindings")),
    volumes: mountsOf(container["Mounts"], host["Mounts"]),
    tmpfs: tmpfsOf(take(host, "Tmpfs")),
    devices: devicesOf(take(host, "Devices")),
    gpus: gpusOf(take(host, "DeviceRequests")),
    restart: restartOf(take(host, "RestartPolicy")),
    ulimits: ulimitsOf(take(host, "Ulimits")),
    networks: networksOf(container["NetworkSettings"], host["NetworkMode"]),
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
    return list<Described>(places).map((place) => ({
      target,
      protocol,
      published: place["HostPort"] ?? "",
      host_ip: place["HostIp"] ?? "",
    }));
  });
}

/** The engine's own list has what -v, --mount and the image made of each other; anonymous volumes have a name there. */
function mountsOf(mounts: unknown, asked: unknown): unknown[] {
  const sizes = new Map(
    list<Described>(asked).map((mount) => [mount["Target"], copyOf(mount["TmpfsOptions"])["SizeBytes"]]),
  );
  return list<Described>(mounts).map(({ Type, Name, Source, Destination, RW, Driver, Mode, Propagation, ...rest }) => ({
    type: Type,
    source: Type === "volume" ? Name : Type === "tmpfs" ? undefined : Source,
    target: Destination,
    read_only: RW === false,
    ...(Type === "tmpfs" && !isNothing(sizes.get(Destination)) && { tmpfs: { size: sizes.get(Destination) } }),
    ...(typeof Driver === "string" && !["", "local"].includes(Driver) && { driver: Driver }),
    ...(typeof Propagation === "string" && !["", "rprivate"].includes(Propagation) && { propagation: Propagation }),
    ...(typeof Mode === "string" && !["", "z", "ro", "rw"].includes(Mode) && { mode: Mode }),
    ...rest,
  }));
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

function restartOf(policy: unknown): string {
  const { Name, MaximumRetryCount } = copyOf(policy);
  const name = typeof Name === "string" && Name !== "" ? Name : "no";
  return typeof MaximumRetryCount === "number" && MaximumRetryCount > 0 ? `${name}:${MaximumRetryCount}` : name;
}

function ulimitsOf(limits: unknown): Described {
  return Object.fromEntries(
    list<Described>(limits).map(({ Name, Soft, Hard }) => [String(Name), { soft: Soft, hard: Hard }]),
  );
}

/** Names of networks other than the engine's own. */
function networksOf(settings: unknown, mode: unknown): string[] {
  const names = Object.keys(copyOf(copyOf(settings)["Networks"]));
  return names.filter((name) => !["bridge", "host", "none", mode === "default" ? "default" : ""].includes(name));
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

/** What engines write for "not said". */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function take(map: Described, key: string): unknown {
  const value = map[key];
  map[key] = undefined;
  return value;
}

function copyOf(value: unknown): Described {
  return isMap(value) ? { ...value } : {};
}

function list<T = unknown>(value: unknown): T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}

function same(a: unknown, b: unknown): boolean {
  return (isNothing(a) && isNothing(b)) || JSON.stringify(a) === JSON.stringify(b);
}
