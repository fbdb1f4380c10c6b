// A service definition as GET /srv/services/configured/ shows it: the original's keys, secret values masked.
import type * as z from "zod";
import type { Service } from "#proto/services_pb.ts";
import { maskEnvironment } from "#core/secret.ts";
import type { Layer, ServiceDefinition, VolumeMount } from "#core/settings/settings.ts";
import type { serviceDefinitionAnswer } from "./answers.ts";

export type ConfiguredRecord = z.infer<typeof serviceDefinitionAnswer>;

type LayerRecord = ConfiguredRecord["varieties"][string];

/** The definition behind a service; undefined when the service carries none. */
export function definitionOf(service: Service): ServiceDefinition | undefined {
  return service.definitionJson === "" ? undefined : (JSON.parse(service.definitionJson) as ServiceDefinition);
}

export function configuredRecord(service: Service): ConfiguredRecord {
  const definition = definitionOf(service);
  const base: Layer = definition?.base ?? { environment: service.environment };
  const secretKeys = base.secretKeys ?? [];
  const layers = (named: readonly { name: string; layer: Layer }[]) =>
    Object.fromEntries(named.map(({ name, layer }) => [name, layerRecord(layer, secretKeys, [])]));
  const varieties =
    definition?.varieties ??
    service.varieties.map(({ name, image }) => ({ name, layer: image === "" ? {} : { image } }));
  const profiles = definition?.profiles ?? service.profiles.map((name) => ({ name, layer: {} }));
  return {
    service_name: service.name,
    realm: service.group,
    project: service.project,
    type: service.type,
    description: service.description,
    ...layerRecord(base, secretKeys, ["default"]),
    image: base.image ?? (service.image || varieties[0]?.layer.image || null),
    varieties: layers(varieties),
    profiles: layers(profiles),
  };
}

/** Properties of a form of a service: base, then variety, then profile, key by key. */
export function propertiesOf(service: Service, variety: string, profile: string): Record<string, unknown> {
  const definition = definitionOf(service);
  const named = (layers: readonly { name: string; layer: Layer }[], name: string) =>
    layers.find((l) => l.name === name)?.layer.properties;
  return {
    ...definition?.base.properties,
    ...named(definition?.varieties ?? [], variety),
    ...named(definition?.profiles ?? [], profile),
  };
}

function layerRecord(layer: Layer, secretKeys: readonly string[], networks: string[]): LayerRecord {
  return {
    image: layer.image ?? null,
    environment: maskEnvironment(layer.environment ?? {}, [...secretKeys, ...(layer.secretKeys ?? [])]),
    properties: layer.properties ?? {},
    depends_on: layer.dependsOn ?? [],
    command: layer.command ?? null,
    entrypoint: layer.entrypoint ?? null,
    volumes: (layer.volumes ?? []).map(volumeText),
    networks: layer.networks ?? networks,
    bridge_connector: layer.bridgeConnector ?? null,
    footprint: layer.footprint ?? null,
    lockers: layer.lockers ?? [],
  };
}

function volumeText({ kind, source, target, readOnly }: VolumeMount): string {
  return `${kind === "tmpfs" ? "tmpfs" : source}:${target}:${readOnly ? "ro" : "rw"}`;
}
