// Name of the processor where /proc/cpuinfo has none, as on arm64: systeminformation knows how to ask (lscpu, DMI). Asked once; loaded only then.

let asked: Promise<string> | undefined;

/** Maker and model for people; empty when nobody knows. Never throws. */
export function cpuModel(): Promise<string> {
  asked ??= ask().catch(() => "");
  return asked;
}

async function ask(): Promise<string> {
  const { cpu } = await import("systeminformation");
  const { manufacturer, brand } = await cpu();
  return brand.startsWith(manufacturer) ? brand.trim() : `${manufacturer} ${brand}`.trim();
}
