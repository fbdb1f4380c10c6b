// Service definitions, as the API shows them: secret values masked.
import { create } from "@bufbuild/protobuf";
import { type Service, ServiceSchema } from "#proto/services_pb.ts";
import { maskService } from "#core/settings/mask-service.ts";
import { serviceRequirementText } from "#core/settings/requires.ts";
import type { ServiceDefinition } from "#core/settings/settings.ts";
import { compareText } from "#core/text-order.ts";
import { servicesOf, type World } from "../world.ts";

export function serviceList(world: Pick<World, "projects">): Service[] {
  return servicesOf(world)
    .map(({ project, service }) => serviceView(project.name, service))
    .toSorted((a, b) => compareText(a.group, b.group) || compareText(a.name, b.name));
}

function serviceView(project: string, service: ServiceDefinition): Service {
  const shown = maskService(service);
  return create(ServiceSchema, {
    project,
    group: service.group,
    name: service.name,
    type: service.type,
    description: service.description,
    image: service.base.image ?? "",
    varieties: service.varieties.map(({ name, layer }) => ({
      name,
      image: layer.image ?? "",
      requires: serviceRequirementText(name, layer),
    })),
    profiles: service.profiles.map(({ name }) => name),
    environment: shown.base.environment ?? {},
    definitionJson: JSON.stringify(shown),
  });
}
