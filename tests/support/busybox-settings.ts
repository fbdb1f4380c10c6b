// Settings for tests: services of busybox that do little, one instance each. JSON is YAML, so that is what is written.
import { busyboxImage } from "./busybox-image.ts";

export type BusyboxService = {
  name: string;
  /** What sh runs. Default: says hello and sleeps, and ends at once when asked to. */
  script?: string;
  /** Host the instance is bound to. */
  host?: string;
  replicas?: number;
  /** More keys of the service. */
  more?: Record<string, unknown>;
};

const sleeps = "echo hello from $HOSTNAME; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

/** A shell that stays, and that ends at once when it is asked to. */
export function stays(first = ""): string {
  return first === "" ? sleeps : `${first}; ${sleeps}`;
}

/** Text of settings in which each service has one instance of its own name. */
export function busyboxSettings(...services: BusyboxService[]): string {
  return JSON.stringify({
    services: services.map(({ name, script = sleeps, more = {} }) => ({
      name,
      image: busyboxImage,
      command: ["sh", "-c", script],
      stop_grace: "2s",
      ...more,
    })),
    instances: services.map(({ name, host, replicas }) => ({
      name,
      ...(host !== undefined && { host }),
      ...(replicas !== undefined && { replicas }),
    })),
  });
}
