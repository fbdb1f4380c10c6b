// Shapes of what the REST interface takes and answers. The tests parse every answer with them; the OpenAPI document is made from them.
import * as z from "zod";

const text = z.string();
const maybeText = z.string().nullable();
const time = z.iso.datetime().nullable();
const amount = z.number().nullable();
const stringMap = z.record(z.string(), z.string());

export const healthAnswer = z.strictObject({ status: z.literal("healthy") }).meta({ id: "Health" });

export const errorAnswer = z
  .strictObject({
    detail: text.describe("What is wrong, where and why"),
    code: text.optional().describe("Stable code; docs/errors.md lists them"),
    hint: text.optional().describe("What to try; may be empty"),
  })
  .meta({ id: "Error" });

const layerKeys = {
  image: maybeText.describe("Container image as written"),
  environment: stringMap.describe("Values of keys that look secret are masked"),
  properties: z.record(z.string(), z.unknown()).describe("Opaque; echoed"),
  depends_on: z.array(text),
  command: z.array(text).nullable(),
  entrypoint: z.array(text).nullable(),
  volumes: z.array(text).describe("source:/target:ro|rw"),
  networks: z.array(text),
  bridge_connector: z.strictObject({ port: z.number(), name: text, network: text }).nullable(),
  footprint: z.record(z.string(), z.unknown()).nullable(),
  lockers: z.array(text),
};

const layerAnswer = z.strictObject(layerKeys).meta({ id: "ServiceLayer" });

export const serviceDefinitionAnswer = z
  .strictObject({
    service_name: text,
    realm: text.describe("Group it is defined in"),
    project: text.describe("Settings project that defines it"),
    type: text.describe('"container"; other types are listed and never started'),
    description: text,
    ...layerKeys,
    varieties: z.record(z.string(), layerAnswer).describe("In declared order; only what the variety itself sets"),
    profiles: z.record(z.string(), layerAnswer).describe("In declared order; only what the profile itself sets"),
  })
  .meta({ id: "ServiceDefinition" });

const infoAnswer = z.strictObject({
  start_initiated: time,
  start_completed: time,
  stop_initiated: time,
  stop_completed: time,
  container_id: maybeText.describe("What the container engine of the host knows it by"),
  container_status: z.enum(["running", "exited"]).nullable(),
  container_health: z.enum(["starting", "healthy", "unhealthy"]).nullable(),
  resolved_volumes: z.array(text).nullable(),
});

export const states = [
  "pending",
  "assigned",
  "pulling",
  "starting",
  "ready",
  "unwell",
  "backoff",
  "stopping",
  "failed",
  "lost",
  "unknown",
] as const;

export const serviceInformationAnswer = z
  .strictObject({
    name: text.describe("Instance"),
    service: text,
    realm: text.describe("Group"),
    persistent: z.boolean().describe("True for instances that the settings own; an update leaves them alone"),
    variety: maybeText,
    profile: maybeText,
    status: z
      .enum(["starting", "stopping", "available", "failed"])
      .describe(
        "starting: not available now, by itself it will be (state says more). failed: it will not, until it is restarted or changed",
      ),
    properties: z.record(z.string(), z.unknown()),
    info: infoAnswer,
    slot: z.number().int().describe("Which replica of the instance, from 0"),
    host: maybeText,
    endpoint: maybeText.describe("Where it can be reached"),
    protocol: maybeText.describe('"http", "grpc", "tcp"'),
    state: z.enum(states),
    since: time,
    last_error: maybeText,
  })
  .meta({ id: "ServiceInformation" });

/** Fields that a record of the active list has and an update does not need: accepted, so that what was read can be sent back. */
const echoed = z.unknown().optional().describe("Ignored; accepted so that records of the active list can be sent back");

export const desiredInstance = z
  .strictObject({
    name: z.string().min(1),
    service: z.string().nullish().describe("Default: the service called like the instance"),
    realm: z.string().nullish().describe('Default: "default"'),
    variety: z.string().nullish().describe("Default: the first one in declared order that fits"),
    profile: z.string().nullish(),
    persistent: z.boolean().nullish().describe("Records with true belong to the settings and are refused"),
    secrets_tokens: z
      .record(z.string(), z.string())
      .nullish()
      .describe("Lockers are not supported in this version; anything but {} is refused"),
    ...Object.fromEntries(
      ["status", "properties", "info", "slot", "host", "endpoint", "protocol", "state", "since", "last_error"].map(
        (key) => [key, echoed],
      ),
    ),
  })
  .meta({ id: "DesiredInstance" });

export type DesiredInstance = {
  name: string;
  service?: string | null;
  realm?: string | null;
  variety?: string | null;
  profile?: string | null;
  persistent?: boolean | null;
  secrets_tokens?: Record<string, string> | null;
};

export const acceptedAnswer = z
  .strictObject({
    status: z.literal("accepted"),
    message: text,
    operation_id: z
      .number()
      .int()
      .nullable()
      .describe("Operation that can be watched; null when nothing had to change"),
  })
  .meta({ id: "Accepted" });

export const resourceAnswer = z
  .strictObject({
    name: text.describe("cpu, memory, vram, gpu_0, gpu_1 …"),
    type: z.enum(["cpu", "memory", "vram", "gpu"]),
    unit: text.describe("cores, GB (2^30 bytes), MB (2^20 bytes)"),
    value: amount.describe("What is available now; null when unknown"),
    related_resources: z.array(text).nullable(),
    extended_attributes: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).nullable(),
  })
  .meta({ id: "Resource" });

const gpuAnswer = z.strictObject({
  id: z.number().int().describe("Position in this list; unlike the vendors' own numbers it is unique on the host"),
  total_vram: amount.describe("MB of 2^20 bytes"),
  available_vram: amount.describe("MB of 2^20 bytes"),
  description: text,
  pci_device_description: text,
  uuid: text,
  vendor: text,
});

export const hostResourcesAnswer = z
  .strictObject({
    host: text,
    total_cpu_cores: amount,
    available_cpu_cores: amount,
    total_ram_gb: amount.describe("GB of 2^30 bytes, as all _gb"),
    available_ram_gb: amount,
    total_vram_gb: amount.describe("Sum over all GPUs, as the original has it; placement looks at each device"),
    available_vram_gb: amount,
    total_gpus: amount,
    available_gpus: z
      .array(z.number().int())
      .nullable()
      .describe("Ids of GPUs with less than 90 % of their VRAM in use"),
    gpus: z.array(gpuAnswer),
  })
  .meta({ id: "HostResources" });

export const logsAnswer = z
  .strictObject({
    service_name: text,
    profile: maybeText,
    variety: maybeText,
    request_datetime: z.iso.datetime(),
    is_top_n: z.boolean(),
    is_bottom_n: z.boolean(),
    lines: z.array(text),
  })
  .meta({ id: "Logs" });
