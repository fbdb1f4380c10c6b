// Containers of an engine as settings: what `inspect` says is put into the words of Compose, and read like a Compose service.
import { OzError } from "../errors.ts";
import { isName } from "../names.ts";
import type { Imported } from "./compose.ts";
import { importService } from "./compose-service.ts";
import type { VolumeBook } from "./compose-volumes.ts";
import { containerService } from "./container-service.ts";
import { InputMap, isMap } from "./input-map.ts";
import { NoteList } from "./notes.ts";

export type InspectedContainer = {
  /** Answer of GET /containers/NAME/json. */
  readonly container: unknown;
  /** Answer of GET /images/ID/json: what the image says by itself is not written again. */
  readonly image?: unknown;
  /** Answer of GET /info: what is the engine's own way is not listed. */
  readonly engine?: unknown;
};

/** Reads containers as the engine describes them. Throws bad_request for what is no description of one. */
export function importContainers(inspected: readonly InspectedContainer[], project = "imported"): Imported {
  const notes = new NoteList();
  const services: Record<string, unknown>[] = [];
  const volumes: VolumeBook["declared"] = {};
  for (const { container, image, engine } of inspected) {
    if (!isMap(container) || !isMap(container["Config"]) || !isMap(container["HostConfig"]))
      throw new OzError("bad_request", "The engine's answer describes no container.");
    const written = String(container["Name"] ?? "").replace(/^\//, "");
    const name = serviceName(written, services);
    notes.about(name);
    const service = containerService(
      { container, image: isMap(image) ? image : {}, engine: isMap(engine) ? engine : {} },
      notes,
      `containers.${written}`,
    );
    const input = new InputMap(service, `containers.${written}`, notes);
    const { layer } = importService(input, {
      project,
      place: { folder: "/", home: undefined, prefix: `${project}_${name}` },
      volumes: {
        declared: volumes,
        find: (volume) => {
          if (!isName(volume)) return undefined;
          volumes[volume] = { type: "named", external: true };
          return volume;
        },
      },
      variables: {},
      envFile: () => undefined,
      files: new Map(),
      running: new Map(),
    });
    notes.add(
      "changed",
      `containers.${written}`,
      `the container goes on running; before you apply: docker stop ${written}`,
    );
    services.push({ name, ...layer });
  }
  const instances = services.map(({ name }) => ({ name }));
  const declared = Object.keys(volumes).length > 0 ? { volumes } : {};
  return { settings: { project, ...declared, services, instances }, notes: notes.all };
}

function serviceName(written: string, services: readonly Record<string, unknown>[]): string {
  const base = isName(written)
    ? written
    : written
        .replace(/[^A-Za-z0-9._-]+/g, "-")
        .replace(/^[^A-Za-z0-9]+/, "")
        .slice(0, 50) || "container";
  let name = base;
  for (let n = 2; services.some((service) => service["name"] === name); n++) name = `${base}-${n}`;
  return name;
}
