// Turns one written layer into a Layer: amounts to bytes, times to milliseconds, texts to lists. Only what was written is set.
import { parseBytes, parseDurationMs } from "../units.ts";
import { compilePorts } from "./compile-ports.ts";
import { compileVolumes, type VolumeContext } from "./compile-volumes.ts";
import { parseEnvFile } from "./env-file.ts";
import { elementsOf } from "./fitting.ts";
import { inside, type Place } from "./problem.ts";
import { hintFor } from "./hint-for.ts";
import type { WrittenLayer } from "./schema-layer.ts";
import { isSet, parseCpuMillis } from "./schema-values.ts";
import type { Layer, ProbeWish } from "./settings.ts";
import { splitWords } from "./words.ts";

export type LayerContext = VolumeContext & {
  /** Networks that the group of the service knows. */
  readonly networks: ReadonlySet<string>;
  /** Names in the vault of the group. */
  readonly lockers: ReadonlySet<string>;
  readonly group: string;
};

export function compileLayer(written: WrittenLayer, place: Place, context: LayerContext): Layer {
  context.notices.ofLayer(written);
  checkNetworks(written, place, context);
  checkLockers(written, place, context);
  const at = (...path: (string | number)[]): Place => inside(place, ...path);
  return defined<Layer>({
    image: written.image,
    environment: !isSet(written.environment) ? undefined : environmentOf(written.environment, at("environment")),
    properties: written.properties,
    command: wordsOf(written.command, at("command"), context),
    entrypoint: wordsOf(written.entrypoint, at("entrypoint"), context),
    envFile: envFileOf(written.env_file, at("env_file"), context),
    dependsOn: written.depends_on,
    networks: written.networks,
    volumes: !isSet(written.volumes) ? undefined : compileVolumes(written.volumes, at("volumes"), context),
    ports: !isSet(written.ports) ? undefined : compilePorts(written.ports, at("ports"), context.problems),
    bridgeConnector: !isSet(written["bridge-connector"])
      ? undefined
      : { ...written["bridge-connector"], network: written["bridge-connector"].network ?? "default" },
    footprint: !isSet(written.footprint) ? undefined : defined<Record<string, unknown>>({ ...written.footprint }),
    lockers: written.lockers,
    requires: !isSet(written.requires) ? undefined : defined<NonNullable<Layer["requires"]>>({ ...written.requires }),
    resources: resourcesOf(written.resources),
    probes: !isSet(written.probes)
      ? undefined
      : elementsOf(written.probes, at("probes")).map(({ value, place: of }) => probeOf(value, of, context)),
    healthcheck: healthcheckOf(written.healthcheck, at("healthcheck"), context),
    startupTimeoutMs: ms(written.startup_timeout),
    restart: restartOf(written.restart),
    security: securityOf(written.security),
    shmBytes: bytes(written.shm_size),
    ulimits: ulimitsOf(written.ulimits, at("ulimits"), context),
    stopGraceMs: ms(written.stop_grace),
    pullPolicy: written.pull_policy,
    secretKeys: written.secret_keys,
  });
}

type Open<T> = { [K in keyof T]?: T[K] | null | undefined };

/** The object without what is undefined or null. */
export function defined<T extends object>(object: Open<T>): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => isSet(value))) as T;
}

function bytes(written: string | number | null | undefined): number | undefined {
  return !isSet(written) ? undefined : parseBytes(written);
}

function ms(written: string | number | null | undefined): number | undefined {
  return !isSet(written) ? undefined : parseDurationMs(written);
}

/** Values as text: numbers as they are written, true and false, nothing as the empty text, a list as JSON. */
function environmentOf(written: NonNullable<WrittenLayer["environment"]>, place: Place): Record<string, string> {
  return Object.fromEntries(
    Object.entries(written).map(([key, value]) => {
      if (Array.isArray(value)) return [key, JSON.stringify(value)];
      const text = typeof value === "number" ? place.source.written([...place.path, key]) : undefined;
      return [key, text ?? String(value ?? "")];
    }),
  );
}

function wordsOf(
  written: string | string[] | null | undefined,
  place: Place,
  context: LayerContext,
): string[] | undefined {
  if (typeof written !== "string") return written ?? undefined;
  const words = splitWords(written);
  if (words === undefined) context.problems.add(place, "a quote is not closed", "Close it, or write a list of words.");
  return words;
}

function envFileOf(
  written: string | string[] | null | undefined,
  place: Place,
  context: LayerContext,
): Record<string, string> | undefined {
  if (!isSet(written)) return undefined;
  const variables: Record<string, string>[] = [];
  const paths = Array.isArray(written) ? elementsOf(written, place) : [{ value: written, place }];
  for (const { value: path, place: at } of paths) {
    const { envFiles } = at.source;
    const text = Object.hasOwn(envFiles, path) ? envFiles[path] : undefined;
    if (text !== undefined) variables.push(parseEnvFile(path, text, context.problems));
    else
      context.problems.add(
        at,
        `the env file ${JSON.stringify(path)} was not found`,
        "Its path is relative to the settings file, on the machine where ozctl runs.",
      );
  }
  return Object.assign({}, ...variables) as Record<string, string>;
}

function checkNetworks(written: WrittenLayer, place: Place, context: LayerContext): void {
  for (const { value: network, place: at } of elementsOf(written.networks ?? [], inside(place, "networks"))) {
    if (network === "default" || context.networks.has(network)) continue;
    context.problems.add(
      at,
      `no network ${JSON.stringify(network)}`,
      hintFor(network, ["default", ...context.networks]),
    );
  }
}

function checkLockers(written: WrittenLayer, place: Place, { lockers, group, problems }: LayerContext): void {
  for (const { value: locker, place: at } of elementsOf(written.lockers ?? [], inside(place, "lockers"))) {
    if (lockers.has(locker)) continue;
    problems.add(
      at,
      `no locker ${JSON.stringify(locker)} in the vault of group ${group}`,
      hintFor(locker, lockers) || `Declare it: realms: { ${group}: { vault: { lockers: { ${locker}: {} } } } }`,
    );
  }
}

function resourcesOf(written: WrittenLayer["resources"]): Layer["resources"] {
  if (!isSet(written)) return undefined;
  return defined<NonNullable<Layer["resources"]>>({
    memoryBytes: bytes(written.memory),
    cpuMillis: !isSet(written.cpu) ? undefined : parseCpuMillis(written.cpu),
    pids: written.pids,
    gpus: written.gpus,
    vramBytes: bytes(written.vram),
    diskBytes: bytes(written.disk),
  });
}

function probeOf(written: NonNullable<WrittenLayer["probes"]>[number], place: Place, context: LayerContext): ProbeWish {
  const checks = [written.http, written.tcp, written.exec].filter((check) => isSet(check)).length;
  if (checks !== 1 && !context.problems.has(place)) {
    context.problems.add(
      place,
      "a probe has exactly one of http, tcp and exec",
      "Write several probes to check several things.",
    );
  }
  return defined<ProbeWish>({
    http: !isSet(written.http) ? undefined : { port: written.http.port, path: written.http.path ?? "/" },
    tcp: written.tcp,
    exec: !isSet(written.exec)
      ? undefined
      : { command: wordsOf(written.exec.command, inside(place, "exec", "command"), context) ?? [] },
    intervalMs: ms(written.interval),
    timeoutMs: ms(written.timeout),
    failureThreshold: written.failure_threshold,
  });
}

function healthcheckOf(
  written: WrittenLayer["healthcheck"],
  place: Place,
  context: LayerContext,
): Layer["healthcheck"] {
  if (!isSet(written)) return undefined;
  const [first, ...rest] = typeof written.test === "string" ? ["CMD-SHELL", written.test] : (written.test ?? []);
  if (first !== undefined && first !== "NONE" && (!["CMD", "CMD-SHELL"].includes(first) || rest.length === 0)) {
    context.problems.add(
      inside(place, "test"),
      "a list begins with CMD, CMD-SHELL or NONE and goes on with the command",
      'Write test: ["CMD", "program", "argument"], or the command as text.',
    );
  }
  // The contract runs a check of one word by the container's shell, which an image may not have.
  else if (first === "CMD" && rest.length === 1) {
    context.problems.add(
      inside(place, "test"),
      "a health check of one word needs the container's shell",
      `Write ["CMD-SHELL", ...], or probes: [{ exec: { command: [...] } }], which needs none.`,
    );
  }
  return defined<NonNullable<Layer["healthcheck"]>>({
    test: rest.length === 0 ? undefined : first === "CMD-SHELL" ? [rest.join(" ")] : rest,
    intervalMs: ms(written.interval),
    timeoutMs: ms(written.timeout),
    retries: written.retries,
    startPeriodMs: ms(written.start_period),
    // A check that is written replaces one that was switched off below.
    disabled: first === "NONE" ? true : (written.disable ?? (first === undefined ? undefined : false)),
  });
}

const conditions = {
  always: "always",
  "unless-stopped": "always",
  "on-failure": "on-failure",
  never: "never",
  no: "never",
} as const;

function restartOf(written: WrittenLayer["restart"]): Layer["restart"] {
  if (!isSet(written)) return undefined;
  if (typeof written === "string") return { condition: conditions[written] };
  return defined<NonNullable<Layer["restart"]>>({
    condition: !isSet(written.condition) ? undefined : conditions[written.condition],
    maxStartsWithoutReady: written.max_starts_without_ready,
    maxStartsInWindow: written.max_starts_in_window,
    windowMs: ms(written.window),
    backoffMinMs: ms(written.backoff_min),
    backoffMaxMs: ms(written.backoff_max),
  });
}

function securityOf(written: WrittenLayer["security"]): Layer["security"] {
  if (!isSet(written)) return undefined;
  return defined<NonNullable<Layer["security"]>>({
    capAdd: written.cap_add?.map((capability) => capability.replace(/^CAP_/, "")),
    privileged: written.privileged,
    user: written.user,
    readOnly: written.read_only,
    allowNewPrivileges: written.allow_new_privileges,
    devices: written.devices,
    hostIpc: written.host_ipc,
    hostNetwork: written.host_network,
  });
}

function ulimitsOf(written: WrittenLayer["ulimits"], place: Place, context: LayerContext): Layer["ulimits"] {
  if (!isSet(written)) return undefined;
  const limits = Object.entries(written).map(([name, limit]) => {
    const { soft, hard } = typeof limit === "number" ? { soft: limit, hard: limit } : limit;
    if (hard !== -1 && (soft === -1 || soft > hard))
      context.problems.add(inside(place, name), `the soft limit ${soft} is above the hard limit ${hard}`);
    return [name, { soft, hard }] as const;
  });
  return Object.fromEntries(limits);
}
