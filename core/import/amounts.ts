// Amounts and times as Compose and the engine write them, in the words of settings.

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** "1gb", "512m", 1073741824 as "1GiB" and the like: every unit of Compose is binary. As it is when it is no amount. */
export function amountText(written: string | number | undefined): string | number | undefined {
  if (written === undefined) return undefined;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(String(written));
  if (match === null) return written;
  const level = " kmgt".indexOf((match[2] || " ").toLowerCase());
  return bytesText(Math.round(Number(match[1]) * 1024 ** level));
}

/** Bytes in the largest unit that says them exactly. */
export function bytesText(bytes: number): string | number {
  let [amount, unit] = [bytes, 0];
  while (amount >= 1024 && amount % 1024 === 0 && unit < units.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return unit === 0 ? bytes : `${amount}${units[unit]}`;
}

/** "1m30s" as it is; "500us" and "1.5s" in milliseconds; a number is nanoseconds, as the engine has them. */
export function spanText(written: string | number | undefined): string | undefined {
  if (written === undefined) return undefined;
  if (typeof written === "number") return msText(written / 1e6);
  if (!/\d(us|µs|ns)/.test(written)) return written;
  const factors: Record<string, number> = { h: 3.6e6, m: 6e4, s: 1e3, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };
  const parts = [...written.matchAll(/(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)/g)];
  return msText(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (factors[unit ?? ""] ?? 0), 0));
}

function msText(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole % 60_000 === 0 && whole > 0) return `${whole / 60_000}m`;
  return whole % 1000 === 0 ? `${whole / 1000}s` : `${whole}ms`;
}
