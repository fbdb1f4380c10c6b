// Fills in every default of the contract: a spec says all, so that its hash changes only when something really does.
import { type MessageInitShape } from "@bufbuild/protobuf";
import { MountKind, PullPolicy, type ReplicaSpecSchema, RestartCondition } from "#proto/spec_pb.ts";
import type { Layer, PortWish, ProbeWish, Requires, Settings } from "./settings.ts";

type Spec = MessageInitShape<typeof ReplicaSpecSchema>;

const mountKinds = { bind: MountKind.BIND, named: MountKind.NAMED, tmpfs: MountKind.TMPFS };
const conditions = {
  always: RestartCondition.ALWAYS,
  "on-failure": RestartCondition.ON_FAILURE,
  never: RestartCondition.NEVER,
};
const pullPolicies = { missing: PullPolicy.MISSING, always: PullPolicy.ALWAYS, never: PullPolicy.NEVER };

/** Everything of a spec that comes from the merged layer; the defaults are those written in spec.proto. */
export function specOfLayer(
  layer: Layer,
  requires: Requires,
  registries: Settings["registries"],
): Exclude<Spec, { $typeName: string }> {
  const { resources, restart } = layer;
  const gpus = resources?.gpus ?? 0;
  return {
    image: layer.image ?? "",
    command: layer.command ?? [],
    entrypoint: layer.entrypoint ?? [],
    environment: { ...layer.envFile, ...layer.environment },
    mounts: (layer.volumes ?? []).map(({ kind, source, target, readOnly, tmpfsBytes, external }) => ({
      kind: mountKinds[kind],
      source,
      target,
      readOnly,
      tmpfsBytes: BigInt(tmpfsBytes ?? 0),
      external: external ?? false,
    })),
    ports: namedPorts(layer.ports ?? []),
    resources: {
      memoryBytes: BigInt(resources?.memoryBytes ?? 0),
      cpuMillis: resources?.cpuMillis ?? 0,
      pids: resources?.pids ?? 4096,
      gpus,
      gpuVendor: gpus === 0 || requires.gpu === undefined || requires.gpu === "any" ? "" : requires.gpu,
      vramBytes: BigInt(resources?.vramBytes ?? 0),
      diskBytes: BigInt(resources?.diskBytes ?? 0),
    },
    health: healthOf(layer),
    restart: {
      condition: conditions[restart?.condition ?? "always"],
      maxStartsWithoutReady: restart?.maxStartsWithoutReady ?? 5,
      maxStartsInWindow: restart?.maxStartsInWindow ?? 12,
      windowMs: BigInt(restart?.windowMs ?? 600_000),
      backoffMinMs: BigInt(restart?.backoffMinMs ?? 1000),
      backoffMaxMs: BigInt(restart?.backoffMaxMs ?? Math.max(300_000, restart?.backoffMinMs ?? 0)),
    },
    security: { ...layer.security },
    shmBytes: BigInt(layer.shmBytes ?? 0),
    ulimits: Object.entries(layer.ulimits ?? {}).map(([name, { soft, hard }]) => ({
      name,
      soft: BigInt(soft),
      hard: BigInt(hard),
    })),
    // 0 of the contract is the default; no time at all is the shortest there is.
    stopGraceMs: BigInt(Math.max(1, layer.stopGraceMs ?? 10_000)),
    dependsOn: layer.dependsOn ?? [],
    registryLogins: loginsFor(layer.image ?? "", registries),
    pullPolicy: pullPolicies[layer.pullPolicy ?? "missing"],
    secretKeys: (layer.secretKeys ?? []).toSorted(),
  };
}

/** Ports with names: "http" for the first TCP port that has none, "tcp-8001" and the like for the rest. */
function namedPorts(ports: readonly PortWish[]): PortWish[] {
  let httpFree = !ports.some((port) => port.name === "http");
  return ports.map((port) => {
    if (port.name !== "") return port;
    const first = httpFree && port.transport === "tcp";
    if (first) httpFree = false;
    return { ...port, name: first ? "http" : `${port.transport}-${port.containerPort}` };
  });
}

function healthOf(layer: Layer): Spec["health"] {
  const { healthcheck } = layer;
  return {
    probes: (layer.probes ?? []).map(probeOf),
    startupTimeoutMs: BigInt(layer.startupTimeoutMs ?? 120_000),
    ...(healthcheck === undefined
      ? {}
      : {
          containerCheck: {
            test: healthcheck.test ?? [],
            intervalMs: BigInt(healthcheck.intervalMs ?? 30_000),
            timeoutMs: BigInt(healthcheck.timeoutMs ?? 30_000),
            retries: healthcheck.retries ?? 3,
            startPeriodMs: BigInt(healthcheck.startPeriodMs ?? 0),
            disabled: healthcheck.disabled ?? false,
          },
        }),
  };
}

/** An interval of 0 stays: it means 1 s until ready, then 10 s, which one number cannot say. */
function probeOf(
  probe: ProbeWish,
): NonNullable<Extract<NonNullable<Spec["health"]>["probes"], readonly unknown[]>>[number] {
  const check = probe.http
    ? { case: "http" as const, value: probe.http }
    : probe.tcp
      ? { case: "tcp" as const, value: probe.tcp }
      : { case: "exec" as const, value: probe.exec ?? {} };
  return {
    check,
    intervalMs: BigInt(probe.intervalMs ?? 0),
    timeoutMs: BigInt(probe.timeoutMs ?? 5000),
    failureThreshold: probe.failureThreshold ?? 3,
  };
}

/** Only the login of the image's own registry: another one's change must not restart this replica. */
function loginsFor(image: string, registries: Settings["registries"]): { registry: string; file: string }[] {
  const registry = registryOf(image);
  const names = registry === "docker.io" ? ["docker.io", "index.docker.io", "registry-1.docker.io"] : [registry];
  return names
    .flatMap((name) => (Object.hasOwn(registries, name) ? [{ registry, file: registries[name]?.file ?? "" }] : []))
    .slice(0, 1);
}

/** Registry of an image reference: its first part when that is a host, else docker.io. */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost") ? first : "docker.io";
}
