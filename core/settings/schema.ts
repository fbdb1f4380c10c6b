// What a person may write: the one source of the parser's rules, the JSON Schema and the table in docs/settings.md.
import * as z from "zod";
import { maxReplicas } from "./limits.ts";
import { layer, layerShape } from "./schema-layer.ts";
import * as v from "./schema-values.ts";
import { isFree } from "./without-extensions.ts";

const o = v.optional;

const declaredResource = z.strictObject({
  name: v.line.describe("Name of the resource"),
  type: z.enum(["gpu", "cpu", "vram", "memory"]).describe("Kind of the resource"),
  unit: v.line.describe("Unit of the value"),
  value: z.number().describe("Amount"),
  related_resources: o(z.array(z.unknown())).describe("Accepted, not needed"),
  extended_attributes: o(z.record(z.string(), z.unknown())).describe("Accepted, not needed"),
});

export const host = z.strictObject({
  name: v.name.describe("Name of the host; an agent of that name belongs to it"),
  ip: o(v.address).describe("Address, for people"),
  resources: o(z.array(declaredResource)).describe("Accepted, not needed: hosts report what they have"),
});

export const provisioner = z.strictObject({
  name: v.name.describe("Name of the provisioner"),
  host: v.name.describe("Host it runs on"),
  cache: o(
    z.strictObject({
      type: v.line.describe("Kind of the cache: redis"),
      parameters: o(z.record(z.string(), z.unknown())).describe("Where the cache is"),
    }),
  ).describe("Accepted, not needed: the state is in the control plane's own file"),
  encrypted_storage_dir: o(v.line).describe("Accepted, not supported yet"),
});

export const volume = z.strictObject({
  type: o(z.enum(["bind", "named", "tmpfs", "nfs"])).describe("Where the bytes live; named unless written"),
  source: o(v.line).describe("Absolute path on the target host (bind), or path on the server (nfs)"),
  server: o(v.line).describe("Server (nfs)"),
  path: o(v.line).describe("Path on the server (nfs)"),
  options: o(z.union([v.text, z.record(z.string(), z.unknown())], { error: "must be text or a map" })).describe(
    "Options (nfs, named, tmpfs: size)",
  ),
  external: o(z.boolean()).describe("true takes the engine's volume of exactly this name instead of the group's own"),
  driver: o(v.line).describe("Accepted, not supported yet: driver of a named volume"),
  scope: o(v.text).describe("Accepted, not needed"),
  lifecycle: o(v.text).describe("Accepted, not needed"),
});

export const groupNetwork = z.strictObject({
  name: v.name.describe("Name of the network"),
  type: o(z.enum(["bridge", "ipvlan", "none"])).describe("Accepted: every network is the group's private one"),
});

export const groupVolume = z.strictObject({
  name: v.name.describe("Name of the volume in this group; hides a top-level one"),
  type: z.enum(["tmp-writeable", "versioned-read-only"]).describe("Writable, or read-only"),
  source: v.line.describe("Absolute path on the target host"),
});

export const service = z
  .strictObject({
    name: v.name.describe("Name of the service, unique in its group"),
    type: o(v.line).describe("container, or another type that is listed and never run; container unless written"),
    description: o(v.text).describe("For people"),
    group: o(v.name).describe("Group it is defined in; default unless written"),
    ...layerShape,
    varieties: o(z.record(v.name, o(layer))).describe("Hardware forms, tried in this order"),
    profiles: o(
      z.union(
        [
          z.array(z.strictObject({ name: v.name.describe("Name of the profile"), ...layerShape })),
          z.record(v.name, o(layer)),
        ],
        { error: "must be a map of profiles, or a list of profiles with name" },
      ),
    ).describe("Named parameter sets"),
  })
  .meta({ id: "Service" });

export const persistentService = z.strictObject({
  name: v.name.describe("Name of the instance"),
  service: v.name.describe("Service it runs"),
  variety: o(v.name).describe("Variety; placement chooses unless written"),
  profile: o(v.name).describe("Profile; none unless written"),
});

export const group = z
  .strictObject({
    networks: o(z.array(groupNetwork)).describe("Networks of the group"),
    volumes: o(z.array(groupVolume)).describe("Volumes of the group"),
    vault: o(z.strictObject({ lockers: o(z.record(v.name, z.unknown())).describe("Names of lockers") })).describe(
      "Accepted, not supported yet: secrets of the group",
    ),
    "service-definitions": o(z.array(service)).describe("Services of the group"),
    "persistent-services": o(z.array(persistentService)).describe("Instances of the group"),
  })
  .meta({ id: "Group" });

export const instance = z.strictObject({
  name: v.name.describe("Name of the instance, unique in its group; others reach it by this name"),
  group: o(v.name).describe("Group it belongs to; default unless written"),
  service: o(v.name).describe("Service it runs; the service of the same name unless written"),
  variety: o(v.name).describe("Variety; placement chooses unless written"),
  profile: o(v.name).describe("Profile; none unless written"),
  replicas: o(v.whole(0, maxReplicas)).describe("How many; 1 unless written"),
  host: o(v.name).describe("Host it is bound to; any unless written"),
  ...layerShape,
});

export const portal = z.strictObject({
  name: v.name.describe("Name of the portal"),
  port: v.portNumber.describe("Port on the host"),
  bridge: z
    .strictObject({
      realm: o(v.name).describe("Group; default unless written"),
      connector: v.name.describe("Name of a bridge-connector in that group"),
    })
    .describe("Where it leads"),
});

export const registry = z.strictObject({
  file: v.absolutePath.describe("Login file on the target host, in the form of a Docker config.json"),
});
const registryHost = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?$/, { error: "must be the host of a registry such as ghcr.io" });

export const settingsFile = z.strictObject({
  project: o(v.name).describe("Name of the project; default unless written"),
  hosts: o(z.array(host)).describe("Machines that are expected"),
  services: o(z.array(service)).describe("What can be run"),
  instances: o(z.array(instance)).describe("What shall run"),
  volumes: o(z.record(v.name, o(volume))).describe("Volumes that services mount by name"),
  registries: o(z.record(registryHost, registry)).describe("Where hosts find the logins of registries"),
  realms: o(z.record(v.name, o(group))).describe("Groups: private networks and name spaces"),
  groups: o(z.record(v.name, o(group))).describe("The same as realms"),
  provisioners: o(z.array(provisioner)).describe("Accepted, not needed: agents join by themselves"),
  portals: o(z.array(portal)).describe("Accepted, not supported yet: ports that lead into a group"),
});

export type WrittenService = z.output<typeof service>;
export type WrittenInstance = z.output<typeof instance>;
export type WrittenVolumeDeclaration = z.output<typeof volume>;

/** Options of a volume by name, from a map or from text such as "size=64m,mode=0700". */
export function volumeOptions({ options }: WrittenVolumeDeclaration): [name: string, value: unknown][] {
  if (typeof options !== "string") return Object.entries(options ?? {});
  return options
    .split(",")
    .filter((option) => option.trim() !== "")
    .map((option) => {
      const [name = "", ...value] = option.split("=");
      return [name.trim(), value.join("=").trim()];
    });
}

/** The JSON Schema (draft 7, which editors read) of a settings file. */
export function settingsJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(settingsFile, {
    target: "draft-7",
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      const known = zodSchema instanceof z.ZodObject || (zodSchema instanceof z.ZodRecord && !isFree(zodSchema));
      if (known) jsonSchema.patternProperties = { "^x-": {} };
    },
  });
  return { title: "Ozwald settings", description: "ozwald.yml; keys that begin with x- are ignored", ...schema };
}
