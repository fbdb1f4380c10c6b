// The numbered lines people see, with the seconds each step took, kept for the report.

export type StepTime = { name: string; seconds: number };

export class StepLines {
  readonly times: StepTime[] = [];
  readonly #total: number;
  readonly #write: (text: string) => void;
  readonly #now: () => number;

  /** `now` in ms. */
  constructor(total: number, write: (text: string) => void, now: () => number = () => performance.now()) {
    this.#total = total;
    this.#write = write;
    this.#now = now;
  }

  /** Runs one step; its line is what it returns. Further lines belong to the same number. */
  async run(number: number, name: string, work: () => Promise<string | readonly string[]>): Promise<void> {
    const started = this.#now();
    const shown = await work();
    const seconds = (this.#now() - started) / 1000;
    this.times.push({ name, seconds });
    const lines = typeof shown === "string" ? [shown] : shown;
    for (const [index, line] of lines.entries()) {
      const head = index === 0 ? `[${number}/${this.#total}] ` : "      ";
      this.#write(stepLine(`${head}${line}`, index === 0 ? seconds : undefined));
    }
  }
}

/** The time stands at the end of the line, aligned where there is room; 80 columns. */
export function stepLine(text: string, seconds: number | undefined): string {
  if (seconds === undefined) return `${text}\n`;
  return `${text.padEnd(70)} ${secondsText(seconds).padStart(9)}\n`;
}

/** "0.4 s", "34 s", "1 min 21 s". */
export function secondsText(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** The steps that took most, for somebody who waited too long. */
export function slowest(times: readonly StepTime[], count = 2): string {
  const sorted = [...times].sort((a, b) => b.seconds - a.seconds).slice(0, count);
  return sorted.map(({ name, seconds }) => `${name} (${secondsText(seconds)})`).join(", ");
}
