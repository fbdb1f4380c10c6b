// A service as it will stand in the settings. A value that settings would refuse is listed instead of written.
import { layerShape } from "../settings/schema-layer.ts";
import type { InputMap } from "./input-map.ts";
import { shown } from "./notes.ts";

type LayerKey = keyof typeof layerShape;

/** Order in which a person reads a service. */
const order: readonly LayerKey[] = [
  "image",
  "pull_policy",
  "entrypoint",
  "command",
  "env_file",
  "environment",
  "ports",
  "volumes",
  "depends_on",
  "requires",
  "resources",
  "probes",
  "healthcheck",
  "restart",
  "stop_grace",
  "security",
  "shm_size",
  "ulimits",
];

export class LayerDraft {
  readonly #input: InputMap;
  readonly #written = new Map<LayerKey, unknown>();

  constructor(input: InputMap) {
    this.#input = input;
  }

  get(key: LayerKey): unknown {
    return this.#written.get(key);
  }

  /** Writes a setting. What the settings would refuse is listed under the key of the input it came from. */
  put(key: LayerKey, value: unknown, from: string, said: unknown = value): void {
    if (value === undefined) return;
    const checked = layerShape[key].safeParse(value);
    if (checked.success) this.#written.set(key, value);
    else this.#input.refuse(from, `${shown(said)} ${checked.error.issues[0]?.message ?? "is no such value"}.`);
  }

  /** Adds a key to a setting that is a map: resources, security, requires. */
  putIn(key: "resources" | "security" | "requires" | "ulimits", name: string, value: unknown, from: string): void {
    if (value === undefined) return;
    this.put(key, { ...(this.#written.get(key) as object | undefined), [name]: value }, from, value);
  }

  /** Adds to a setting that is a list. */
  append(key: "ports" | "volumes" | "depends_on" | "env_file" | "probes", value: unknown, from: string): void {
    this.put(key, [...((this.#written.get(key) as unknown[] | undefined) ?? []), value], from, value);
  }

  /** What was written, in reading order. */
  get layer(): Record<string, unknown> {
    const keys = order.filter((key) => this.#written.has(key));
    return Object.fromEntries(keys.map((key) => [key, this.#written.get(key)]));
  }
}
