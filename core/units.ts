// Amounts as people write and read them.

const byteUnits: Record<string, number> = {
  b: 1,
  k: 2 ** 10,
  kb: 1e3,
  kib: 2 ** 10,
  m: 2 ** 20,
  mb: 1e6,
  mib: 2 ** 20,
  g: 2 ** 30,
  gb: 1e9,
  gib: 2 ** 30,
  t: 2 ** 40,
  tb: 1e12,
  tib: 2 ** 40,
};
const durationUnits: Record<string, number> = { ms: 1, s: 1e3, m: 6e4, min: 6e4, h: 3.6e6, d: 8.64e7 };

/** "24GiB", "512m", 1024 (bytes) to bytes; undefined when it is no amount. One-letter units are binary, as Docker has them. */
export function parseBytes(written: string | number): number | undefined {
  return parseAmount(written, byteUnits, "b");
}

/** "90s", "1m30s", "500ms", 30 (seconds) to milliseconds; undefined when it is no duration. */
export function parseDurationMs(written: string | number): number | undefined {
  if (typeof written === "number")
    return Number.isFinite(written) && written >= 0 ? Math.round(written * 1e3) : undefined;
  const parts = written.trim().match(/\d+(\.\d+)?\s*(ms|min|s|m|h|d)/g);
  if (parts === null || parts.join("").replaceAll(" ", "") !== written.replaceAll(" ", ""))
    return parseAmount(written, durationUnits, "s");
  return parts.reduce((sum, part) => sum + (parseAmount(part, durationUnits, "s") ?? 0), 0);
}

function parseAmount(written: string | number, units: Record<string, number>, plain: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(written).trim());
  if (match === null) return undefined;
  const factor = units[(match[2] || plain).toLowerCase()];
  return factor === undefined ? undefined : Math.round(Number(match[1]) * factor);
}

/** Bytes for people: "1.2 GiB", "404 MiB". */
export function formatBytes(bytes: number | bigint): string {
  let amount = Number(bytes);
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (amount >= 1024 && unit < names.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${names[unit]}`;
}

/** A speed for people, without its unit: "52", "3.4". */
export function formatRate(perSecond: number): string {
  return perSecond < 9.95 ? Math.max(0, perSecond).toFixed(1) : String(Math.round(perSecond));
}

/** A time span for people: "0.4 s", "21 s", "2 min", "3 h", "4 d". */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  if (ms < 100_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 5_400_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}
