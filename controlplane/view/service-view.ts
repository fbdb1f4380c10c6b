// Service definitions, as the API shows them: secret values masked.
import { create } from "@bufbuild/protobuf";
import { type Service, ServiceSchema } from "#proto/services_pb.ts";
import { maskEnvironment } from "#core/secret.ts";
import { serviceRequirementText } from "#core/settings/requires.ts";
import type { Layer, ServiceDefinition } from "#core/settings/settings.ts";
import { servicesOf, type World } from "../world.ts";

export function serviceList(world: Pick<World, "projects">): Service[] {
  return servicesOf(world)
    .map(({ project, service }) => serviceView(project.name, service))
    .toSorted((a, b) => a.group.localeCompare(b.group) || a.name.localeCompare(b.name));
}

function serviceView(project: string, service: ServiceDefinition): Service {
  return create(ServiceSchema, {
    project,
    group: service.group,
    name: service.name,
    type: service.type,
    description: service.description,
    image: service.base.image ?? "",
    varieties: service.varieties.map(({ name, layer }) => ({ name, image: layer.image ?? "", requires: serviceRequirementText(name, layer) })),
    profiles: service.profiles.map(({ name }) => name),
    environment: maskEnvironment(service.base.environment ?? {}, service.base.secretKeys),
    definitionJson: JSON.stringify(masked(service)),
  });
}

function masked(service: ServiceDefinition): ServiceDefinition {
  const keys = service.base.secretKeys ?? [];
  const layer = (l: Layer): Layer => (l.environment === undefined ? l : { ...l, environment: maskEnvironment(l.environment, [...keys, ...(l.secretKeys ?? [])]) });
  return {
    ...service,
    base: layer(service.base),
    varieties: service.varieties.map((v) => ({ ...v, layer: layer(v.layer) })),
    profiles: service.profiles.map((p) => ({ ...p, layer: layer(p.layer) })),
  };
}
