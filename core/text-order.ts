// Order of names: by code unit, the same on every machine. localeCompare would load megabytes of language data for it.

/** For sort: negative when a comes first. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
