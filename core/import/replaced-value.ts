// What Compose marks with !reset and !override: a value that takes the place of the earlier one instead of being laid over it.
import { isMap } from "./input-map.ts";

/** The value from here on; undefined takes the key away (!reset). */
export class Replaced {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** The value without its marks, so many levels deep. What was taken away is not there. */
export function settled(value: unknown, levels = Infinity): unknown {
  if (value instanceof Replaced) return settled(value.value, levels);
  if (levels === 0) return value;
  const stays = (each: unknown): boolean => !(each instanceof Replaced) || each.value !== undefined;
  if (Array.isArray(value)) return value.filter(stays).map((each) => settled(each, levels - 1));
  if (!isMap(value)) return value;
  const entries = Object.entries(value).filter(([, each]) => stays(each));
  return Object.fromEntries(entries.map(([key, each]) => [key, settled(each, levels - 1)]));
}
