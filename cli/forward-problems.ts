// What a person is told while `ozctl forward` runs: each trouble once, and when a control plane that was away is back.
import { type Backoff, backoffCeilingMs } from "#core/backoff.ts";
import { sleep } from "#core/clock.ts";
import { type OzError, toOzError } from "#core/errors.ts";
import { errorText } from "./errors.ts";
import type { Io } from "./io.ts";

/** The same trouble is told again only after so long, in milliseconds: a program that tries again and again must not fill the terminal. */
const repeatMs = 10_000;
/** Waits between two looks whether it is back. */
const again: Backoff = { minMs: 250, maxMs: 5_000 };

export type ForwardProblems = {
  readonly io: Pick<Io, "err" | "clock">;
  /** Resolves when the control plane answers, whatever it says; throws unavailable or timeout. */
  answers(): Promise<void>;
  readonly signal: AbortSignal;
};

/** Takes every problem of a connection and tells what is new. Never throws. */
export function problemTeller({ io, answers, signal }: ForwardProblems): (error: OzError) => void {
  let [last, at] = ["", 0];
  let looking = false;
  let away = false;

  async function look(): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await answers();
        if (away) io.err("The control plane answers again.\n");
        return;
      } catch (error) {
        if (signal.aborted || !isAway(toOzError(error))) return;
        if (!away) io.err("Connections fail until it answers again; it is asked every few seconds.\n");
        away = true;
      }
      await sleep(io.clock, backoffCeilingMs(again, failures), signal);
    }
  }

  return (error) => {
    if (signal.aborted || (away && isAway(error))) return;
    const text = errorText(error);
    const repeated = text === last && io.clock.now() - at < repeatMs;
    if (!repeated) {
      [last, at] = [text, io.clock.now()];
      io.err(text);
    }
    if (looking || !isAway(error)) return;
    looking = true;
    void look().finally(() => ([looking, away] = [false, false]));
  };
}

function isAway({ code }: OzError): boolean {
  return code === "unavailable" || code === "timeout";
}
