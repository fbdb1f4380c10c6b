// Reading what an engine describes: maps and lists that may be null, and values that stand for "not said".
import { isMap } from "./input-map.ts";

export type Described = Record<string, unknown>;

/** What engines write for "not said". */
export function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The value, which is then no longer there. */
export function take(map: Described, key: string): unknown {
  const value = map[key];
  map[key] = undefined;
  return value;
}

/** A map as a copy of its own; anything else as an empty one. */
export function copyOf(value: unknown): Described {
  return isMap(value) ? { ...value } : {};
}

/** A list; anything else as an empty one. */
export function list<T = unknown>(value: unknown): T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}

/** Whether two values say the same; nothing is nothing, however it is written. */
export function same(a: unknown, b: unknown): boolean {
  return (isNothing(a) && isNothing(b)) || JSON.stringify(a) === JSON.stringify(b);
}
