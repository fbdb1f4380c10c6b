// What a bench is: it measures one thing on built programs and answers with figures, each with its budget where there is one.

export type Unit = "ms" | "s" | "MB" | "MB/s" | "MiB" | "%" | "×" | "1/s" | "";

export type Figure = {
  /** What was measured, for the table. */
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** Met when the value is not above it. */
  readonly atMost?: number;
  /** Met when the value is not below it. */
  readonly atLeast?: number;
  /** What a reader must know beside the number. */
  readonly note?: string;
};

export type Measured = {
  readonly figures: readonly Figure[];
  /** Every single measurement behind the figures, by name and in order, in the unit that the name says. */
  readonly samples?: Readonly<Record<string, readonly number[]>>;
  /** Under what conditions: rounds, image, sizes. */
  readonly conditions: Readonly<Record<string, string | number>>;
};

export type BenchOptions = {
  /** Fewer rounds: a look at the direction, never written down. */
  readonly quick: boolean;
  /** One line about what goes on. */
  progress(text: string): void;
};

export type Bench = {
  /** Name of its JSON file. */
  readonly name: string;
  /** One sentence for the report. */
  readonly about: string;
  run(options: BenchOptions): Promise<Measured>;
};

export type Standing = "met" | "not met" | "";

/** Whether a figure keeps its budget; empty when it has none. */
export function standing({ value, atMost, atLeast }: Figure): Standing {
  if (atMost === undefined && atLeast === undefined) return "";
  return value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity) ? "met" : "not met";
}
