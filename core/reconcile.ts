// The one loop. It takes no input: each run looks at the world again. Woken by a signal or a period, single flight,
// backs off after a failure, and shows its last run.
import { type Backoff, backoffCeilingMs } from "./backoff.ts";
import type { Clock, Timer } from "./clock.ts";
import type { Log } from "./log.ts";

export type LoopStatus = {
  readonly name: string;
  readonly runs: number;
  readonly lastMs: number;
  readonly failures: number;
  readonly lastError: string;
};

export type Loop = {
  /** Asks for a run soon; many wakes during one run make one more run. */
  wake(): void;
  status(): LoopStatus;
  /** Stops for good; resolves when no run is under way. */
  [Symbol.asyncDispose](): Promise<void>;
};

export type LoopOptions = {
  name: string;
  /** One pass. May return the delay in milliseconds after which it wants to run again at the latest. */
  run(signal: AbortSignal): Promise<number | undefined | void>;
  /** Longest time between two runs in milliseconds. */
  periodMs: number;
  clock: Clock;
  log: Log;
  /** Waits after failures; default 200 ms to 30 s. */
  backoff?: Backoff;
};

export function startLoop(options: LoopOptions): Loop {
  const { name, run, periodMs, clock, log, backoff = { minMs: 200, maxMs: 30_000 } } = options;
  const abort = new AbortController();
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let status: LoopStatus = { name, runs: 0, lastMs: 0, failures: 0, lastError: "" };

  function schedule(delayMs: number): void {
    if (abort.signal.aborted) return;
    timer?.cancel();
    timer = clock.after(delayMs, wake);
  }

  async function once(): Promise<void> {
    const began = clock.now();
    let delayMs = periodMs;
    try {
      delayMs = Math.min(periodMs, (await run(abort.signal)) ?? periodMs);
      status = { ...status, failures: 0, lastError: "" };
    } catch (error) {
      if (abort.signal.aborted) return;
      delayMs = backoffCeilingMs(backoff, status.failures);
      status = { ...status, failures: status.failures + 1, lastError: String(error) };
      log.warn({ loop: name, err: error, retryMs: delayMs }, `${name} failed, trying again`);
    }
    status = { ...status, runs: status.runs + 1, lastMs: clock.now() - began };
    schedule(delayMs);
  }

  function wake(): void {
    if (abort.signal.aborted) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    timer?.cancel();
    running = once().finally(() => {
      running = undefined;
      if (!again) return;
      again = false;
      if (status.failures === 0) wake();
    });
  }

  schedule(0);
  return {
    wake,
    status: () => status,
    async [Symbol.asyncDispose]() {
      abort.abort();
      timer?.cancel();
      await running;
    },
  };
}
