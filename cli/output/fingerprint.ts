// A hash as people compare it.

/** 64 hex digits as "9b:41:…". */
export function formatCaSha256(hex: string): string {
  return hex.replace(/..(?=.)/g, "$&:");
}
