// Questions and answers in turn.
import { toOzError } from "#core/errors.ts";
import { readLine } from "./ask.ts";
import { errorText } from "./errors.ts";
import type { Io } from "./io.ts";
import { untilInterrupted } from "./session.ts";

/**
 * Asks and has it answered until Ctrl-C or the end of the input at the question. Ctrl-C within an answer is the answer's to take.
 * What an answer throws is told, and the talk goes on: the model may be back for the next one.
 */
export async function converse(io: Io, answer: (question: string) => Promise<void>): Promise<void> {
  // Without it a Ctrl-C between an answer and the next question would end the program instead of the talk.
  const release = io.onInterrupt(() => undefined);
  try {
    for (;;) {
      let line = "";
      const left = await untilInterrupted(io, async (signal) => {
        io.out("> ");
        line = await readLine(io, signal);
      });
      if (left || !line.endsWith("\n")) break;
      if (line.trim() === "") continue;
      try {
        await answer(line.trim());
      } catch (error) {
        io.err(`\n${errorText(toOzError(error))}`);
      }
    }
  } finally {
    release();
  }
  io.out("\n");
}
