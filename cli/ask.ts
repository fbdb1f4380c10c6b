// One question with yes or no, in the terminal's own line editing: it works in every terminal, also in one that does not tell its size.
import type { Io } from "./io.ts";
import { untilInterrupted } from "./session.ts";

/** True only for y or yes. Ctrl-C and the end of the input are a no. */
export async function ask(io: Io, question: string): Promise<boolean> {
  let answer = "";
  const interrupted = await untilInterrupted(io, async (signal) => {
    // Not before: a Ctrl-C at once after the question must find who takes it.
    io.out(`${question} [y/N] `);
    answer = await readLine(io, signal);
  });
  if (interrupted || !answer.endsWith("\n")) io.out("\n");
  return !interrupted && /^y(es)?$/i.test(answer.trim());
}

/** One line with its end, or what came before the end of the input. Rejects when the signal aborts. */
export function readLine({ stdin }: Io, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    let text = "";
    const finish = () => {
      stdin.off("data", onData).off("end", finish).off("error", finish).pause();
      signal.removeEventListener("abort", finish);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve(text);
    };
    const onData = (data: Buffer | string) => {
      text += String(data);
      if (text.includes("\n")) finish();
    };
    signal.addEventListener("abort", finish, { once: true });
    stdin.on("data", onData).on("end", finish).on("error", finish).resume();
  });
}
