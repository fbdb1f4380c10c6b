// Settings of a server out of its environment; everything that is wrong is told at once.

export type Environment = Readonly<Record<string, string | undefined>>;

/** A reader of whole numbers: the standard for what is not said, and a line in `problems` for what is no whole number from low to high. */
export function wholeNumbers(
  environment: Environment,
  problems: string[],
): (key: string, standard: number, low: number, high: number) => number {
  return (key, standard, low, high) => {
    const text = environment[key];
    if (text === undefined || text === "") return standard;
    const value = Number(text);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    problems.push(`${key} is "${text}", must be a whole number from ${low} to ${high}`);
    return standard;
  };
}
