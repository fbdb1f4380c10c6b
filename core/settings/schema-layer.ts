// What one layer of a service may say: the base, a variety, a profile, or the overrides of an instance.
import * as z from "zod";
import * as v from "./schema-values.ts";

const o = v.optional;

const volume = z
  .strictObject({
    name: o(v.name).describe("Volume declared under volumes"),
    type: o(z.enum(["bind", "named", "tmpfs"])).describe("Kind of a mount that names no declared volume"),
    source: o(v.line).describe("Absolute path on the target host (bind)"),
    target: v.line.describe("Absolute path inside the container"),
    read_only: o(z.boolean()).describe("Writing is refused"),
    size: o(v.size).describe("Size limit (tmpfs)"),
  })
  .meta({ id: "Mount" });

const port = z
  .strictObject({
    name: o(v.name).describe("Name of the port; http for the first one that has none"),
    container_port: v.portNumber.describe("Port inside the container"),
    host_port: o(v.whole(0, 65_535)).describe("Port on the host; 0 or nothing lets the agent choose one and keep it"),
    host_address: o(v.ipAddress).describe("Address of the host; 127.0.0.1 unless written"),
    transport: o(z.enum(["tcp", "udp"])).describe("tcp unless written"),
    protocol: o(
      z.string().regex(/^[a-z][a-z0-9+.-]{0,31}$/, { error: "must be a word such as http, grpc or tcp" }),
    ).describe("What is spoken on it: http (default), grpc, tcp"),
  })
  .meta({ id: "Port" });

const probe = z
  .strictObject({
    http: o(
      z.strictObject({
        port: v.portNumber.describe("Port inside the container"),
        path: o(v.absolutePath).describe("Path that has to answer 200 to 399; / unless written"),
      }),
    ).describe("HTTP GET"),
    tcp: o(
      z.strictObject({ port: v.portNumber.describe("Port inside the container that has to accept a connection") }),
    ).describe("TCP connection"),
    exec: o(
      z.strictObject({ command: v.textOrList.describe("Command inside the container that has to exit 0") }),
    ).describe("Command"),
    interval: o(v.span).describe("Time between two tries; 1s until ready, then 10s"),
    timeout: o(v.span).describe("Longest time of one try; 5s"),
    failure_threshold: o(v.whole(1, 1000)).describe("Failures in a row before a ready replica is unwell; 3"),
  })
  .meta({ id: "Probe" });

const healthcheck = z
  .strictObject({
    test: o(v.textOrList).describe("Command; a list may begin with CMD, CMD-SHELL or NONE"),
    interval: o(v.duration).describe("Time between two runs; 30s"),
    timeout: o(v.duration).describe("Longest run; 30s"),
    retries: o(v.whole(1, 1000)).describe("Failures in a row before it is unwell; 3"),
    start_period: o(v.duration).describe("Time after the start in which failures do not count; 0s"),
    disable: o(z.boolean()).describe("Switches off a check that the image brings"),
  })
  .meta({ id: "Healthcheck" });

const restartCondition = z.enum(["always", "on-failure", "never", "unless-stopped", "no"]);
const restart = z.union(
  [
    restartCondition,
    z.strictObject({
      condition: o(restartCondition).describe("After which ends a new attempt is made; always"),
      max_starts_without_ready: o(v.whole(1, 100_000)).describe(
        "Starts that never became ready before it is failed; 5",
      ),
      max_starts_in_window: o(v.whole(1, 100_000)).describe(
        "Starts after having been ready, within the window, before it is failed; 12",
      ),
      window: o(v.span).describe("Length of the window; 10m"),
      backoff_min: o(v.span).describe("First delay, doubled each time; 1s"),
      backoff_max: o(v.span).describe("Longest delay; 5m, or backoff_min if that is longer"),
    }),
  ],
  { error: "must be always, on-failure or never, or a map with condition and limits" },
);

const security = z
  .strictObject({
    cap_add: o(
      z.array(z.string().regex(/^(CAP_)?[A-Z_]+$/, { error: "must be a capability such as SYS_NICE" })),
    ).describe("Capabilities given back"),
    privileged: o(z.boolean()).describe("All privileges of the host"),
    user: o(
      z.string().regex(/^[\w.-]+(:[\w.-]+)?$/, { error: 'must be a user such as "1000" or "1000:1000"' }),
    ).describe("User (and group) inside; the image's own unless written"),
    read_only: o(z.boolean()).describe("The root file system refuses writing"),
    allow_new_privileges: o(z.boolean()).describe("Set-uid programs may gain privileges"),
    devices: o(
      z.array(z.string().regex(/^\/dev\/[^:]+$/, { error: "must be a device of the host such as /dev/fuse" })),
    ).describe("Device files passed through"),
    host_ipc: o(z.boolean()).describe("The host's IPC name space"),
    host_network: o(z.boolean()).describe("The host's network instead of the group's"),
  })
  .meta({ id: "Security" });

const limit = z.int().min(-1, { error: "must be a whole number, or -1 for no limit" });

export const layerShape = {
  image: o(v.image).describe("Container image, used as written"),
  environment: o(v.environment).describe("Variables of the container"),
  properties: o(z.record(z.string(), z.unknown())).describe("Anything; shown by the API and otherwise not looked at"),
  command: o(v.textOrList).describe("Arguments given to the entrypoint"),
  entrypoint: o(v.textOrList).describe("Program that is started"),
  env_file: o(v.textOrList).describe("Files with KEY=VALUE lines, below environment; read by ozctl"),
  depends_on: o(z.array(v.name)).describe("Instances of the same group that have to be ready before this one starts"),
  networks: o(z.array(v.name)).describe("Accepted; a group has one private network"),
  volumes: o(z.array(z.union([v.line, volume], { error: 'must be text such as "data:/data:ro", or a map' }))).describe(
    "File systems visible inside",
  ),
  ports: o(
    z.array(z.union([v.portNumber, v.line, port], { error: 'must be a port such as 8000 or "8080:8000", or a map' })),
  ).describe("Published ports"),
  "bridge-connector": o(
    z.strictObject({
      port: v.portNumber.describe("Port inside the container"),
      name: v.name.describe("Name a portal uses"),
      network: o(v.name).describe("Network; default unless written"),
    }),
  ).describe("Accepted, not supported yet: the end of a portal"),
  footprint: o(
    z.strictObject({
      "run-time": o(v.duration).describe("How long it runs while it is measured"),
      "run-script": o(v.text).describe("Load to put on it"),
    }),
  ).describe("Accepted, not supported yet: how it is measured"),
  lockers: o(z.array(v.name)).describe("Accepted, not supported yet: secrets it may read"),
  requires: o(
    z.strictObject({
      gpu: o(z.enum(["nvidia", "amd", "intel", "any"])).describe("Vendor of the GPU a host must have"),
      runtime: o(v.name).describe("Container runtime the host's engine must know"),
      driver: o(z.string().regex(/^\d+(\.\d+)*$/, { error: 'must be a version such as "550.54"' })).describe(
        "Lowest driver version",
      ),
    }),
  ).describe("What a host must have"),
  resources: o(
    z.strictObject({
      memory: o(v.size).describe("RAM promised, and the most it may use"),
      cpu: o(v.cpu).describe("Cores it may use at most"),
      pids: o(v.whole(1, 4_194_304)).describe("Most processes and threads; 4096"),
      gpus: o(v.whole(0, 64)).describe("Number of GPUs"),
      vram: o(v.size).describe("VRAM needed on each GPU"),
      disk: o(v.size).describe("Free disk space needed"),
    }),
  ).describe("What it needs and may use at most"),
  probes: o(z.array(probe)).describe("Checks made by the agent that tell when it is ready"),
  healthcheck: o(healthcheck).describe("Check that the container engine runs inside, in the form of Compose"),
  startup_timeout: o(v.span).describe("Longest time without progress before a start counts as failed; 120s"),
  restart: o(restart).describe("When a new attempt is made after an end"),
  security: o(security).describe("Relaxations of the hardened default, and two ways to harden it more"),
  shm_size: o(v.size).describe("Size of /dev/shm; the engine's 64 MiB unless written"),
  ulimits: o(
    z.record(
      z.string().regex(/^[a-z]+$/, { error: "must be a limit in small letters such as nofile" }),
      z.union(
        [
          limit,
          z.strictObject({
            soft: limit.describe("Soft limit; -1 is unlimited"),
            hard: limit.describe("Hard limit; -1 is unlimited"),
          }),
        ],
        { error: "must be a number, or a map with soft and hard" },
      ),
    ),
  ).describe("Process limits"),
  stop_grace: o(v.duration).describe("Time between the polite and the hard stop, 0 for none; 10s"),
  pull_policy: o(z.enum(["missing", "always", "never"])).describe("When the image is fetched; missing"),
  secret_keys: o(z.array(v.line)).describe("Variables that are never shown although they do not look secret"),
};

export const layer = z.strictObject(layerShape).meta({ id: "Layer" });
export type WrittenLayer = z.output<typeof layer>;
export type WrittenVolume = z.output<typeof volume>;
export type WrittenPort = z.output<typeof port>;
