// A map of the input whose keys are taken one by one: what nobody took is listed, so that nothing is dropped in silence.
import { type NoteList, shown } from "./notes.ts";

export class InputMap {
  readonly #left: Map<string, unknown>;
  readonly path: string;
  readonly notes: NoteList;

  /** Anything that is no map is listed and counts as an empty one. */
  constructor(value: unknown, path: string, notes: NoteList) {
    this.path = path;
    this.notes = notes;
    const given = isMap(value);
    if (!given && value !== undefined && value !== null) notes.add("not carried", path, `${shown(value)} is no map.`);
    this.#left = new Map(given ? Object.entries(value).filter(([, each]) => each !== null && each !== undefined) : []);
  }

  /** Keys that nobody took yet. */
  get keys(): string[] {
    return [...this.#left.keys()];
  }

  has(key: string): boolean {
    return this.#left.has(key);
  }

  /** The value as it is; undefined when there is none. */
  take(key: string): unknown {
    const value = this.#left.get(key);
    this.#left.delete(key);
    return value;
  }

  /** Text, or a number or truth value as text. Anything else is listed. */
  text(key: string): string | undefined {
    const value = this.take(key);
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    return this.refuse(key, `${shown(value)} is no text.`);
  }

  /** A number, also one written as text. Anything else is listed. */
  number(key: string): number | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    return typeof number === "number" && Number.isFinite(number)
      ? number
      : this.refuse(key, `${shown(value)} is no number.`);
  }

  /** True or false, also written as text. Anything else is listed. */
  truth(key: string): boolean | undefined {
    const value = this.take(key);
    if (value === undefined || typeof value === "boolean") return value;
    if (value === "true" || value === "false") return value === "true";
    return this.refuse(key, `${shown(value)} is neither true nor false.`);
  }

  /** A list; a single text or number is a list of one. Anything else is listed. */
  list(key: string): unknown[] {
    const value = this.take(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    if (typeof value === "string" || typeof value === "number") return [value];
    return this.refuse(key, `${shown(value)} is no list.`) ?? [];
  }

  /** Texts of a list; what is none is listed. */
  texts(key: string): string[] {
    return this.list(key).flatMap((value, i) => {
      if (typeof value === "string" || typeof value === "number") return [String(value)];
      return this.refuse(`${key}[${i}]`, `${shown(value)} is no text.`) ?? [];
    });
  }

  /** A map within; undefined when there is none. */
  map(key: string): InputMap | undefined {
    return this.has(key) ? new InputMap(this.take(key), this.at(key), this.notes) : undefined;
  }

  at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  /** Lists a key as not carried, and why. */
  refuse(key: string, why: string): undefined {
    this.notes.add("not carried", this.at(key), why);
  }

  changed(key: string, how: string): void {
    this.notes.add("changed", this.at(key), how);
  }

  notNeeded(key: string, why: string): void {
    this.notes.add("not needed", this.at(key), why);
  }

  /** Lists every key that nobody took, with what is known about it. */
  close(reasons: Readonly<Record<string, string>> = {}): void {
    for (const key of this.keys) {
      const value = this.take(key);
      const known = Object.hasOwn(reasons, key) ? reasons[key] : undefined;
      if (known?.startsWith("~")) this.notNeeded(key, `${known.slice(1)} It says ${shown(value)}.`);
      else this.refuse(key, `${known ?? "there is no setting for it."} It says ${shown(value)}.`);
    }
  }
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as text: a map or list as JSON, since what a file calls toString is no function. */
export function plainText(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}
