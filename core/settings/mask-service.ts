// A service definition as it may be shown: every layer without its secret values.
import { maskEnvironment } from "../secret.ts";
import type { Layer, ServiceDefinition } from "./settings.ts";

/** The definition with secret values hidden in environment and env files of every layer. A key named secret in any layer is so in all. */
export function maskService(service: ServiceDefinition): ServiceDefinition {
  const layers = [service.base, ...service.varieties.map((v) => v.layer), ...service.profiles.map((p) => p.layer)];
  const keys = layers.flatMap((layer) => layer.secretKeys ?? []);
  const masked = (layer: Layer): Layer => ({
    ...layer,
    ...(layer.environment === undefined ? {} : { environment: maskEnvironment(layer.environment, keys) }),
    ...(layer.envFile === undefined ? {} : { envFile: maskEnvironment(layer.envFile, keys) }),
  });
  return {
    ...service,
    base: masked(service.base),
    varieties: service.varieties.map(({ name, layer }) => ({ name, layer: masked(layer) })),
    profiles: service.profiles.map(({ name, layer }) => ({ name, layer: masked(layer) })),
  };
}
