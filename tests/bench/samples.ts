// Arithmetic on measurements.

/** Middle of the sorted values; the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between the two nearest ranks; share is in [0, 1]. NaN for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at - Math.floor(at));
}

/** Two digits after the point below 10, one below 100, none above. */
export function rounded(value: number): number {
  const digits = Math.abs(value) < 10 ? 100 : Math.abs(value) < 100 ? 10 : 1;
  return Math.round(value * digits) / digits;
}

/** "median 231, 5 % of them 190, 95 % 310". */
export function spread(values: readonly number[]): string {
  const [low, high] = [rounded(quantile(values, 0.05)), rounded(quantile(values, 0.95))];
  return `${values.length} times, from ${low} (5 %) to ${high} (95 %)`;
}
