// A secret typed into the terminal, without showing it.
import { OzError } from "#core/errors.ts";
import type { Io } from "./io.ts";
import { untilInterrupted } from "./session.ts";

const [ctrlC, ctrlD, ctrlU] = ["\u0003", "\u0004", "\u0015"];

/** Asks and reads one line without an echo. Throws cancelled for Ctrl-C, bad_request when standard input is no terminal. */
export async function readSecret(io: Io, question: string): Promise<string> {
  const { stdin } = io;
  if (stdin.isTTY !== true || stdin.setRawMode === undefined)
    throw new OzError("bad_request", "There is no terminal to ask for the token.", {
      hint: "Give it on standard input:  ozctl login … --token-stdin < FILE",
    });
  // Before the question: what is pasted at once must not be shown either.
  stdin.setRawMode(true);
  io.err(question);
  let secret: string | undefined;
  try {
    await untilInterrupted(io, async (signal) => {
      secret = await readRaw(io, signal);
    });
  } finally {
    stdin.setRawMode(false);
    io.err("\n");
  }
  if (secret === undefined) throw new OzError("cancelled", "Nothing was changed.");
  return secret;
}

/** All of standard input. Throws limit for more than 64 KiB, bad_request when it cannot be read. */
export async function readAllInput({ stdin }: Io): Promise<string> {
  let text = "";
  try {
    for await (const piece of stdin) {
      text += String(piece);
      if (text.length > 65_536) throw new OzError("limit", "Standard input is longer than 64 KiB.");
    }
  } catch (error) {
    throw error instanceof OzError ? error : unreadableInput(error as Error);
  }
  return text;
}

/** `< FOLDER`, for example. */
export function unreadableInput(cause: Error): OzError {
  return new OzError("bad_request", `Standard input cannot be read: ${cause.message}.`, { cause });
}

/** Undefined when Ctrl-C or the end of the input came first. */
function readRaw({ stdin }: Io, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    let typed = "";
    const finish = (result: string | undefined) => {
      stdin.off("data", onData).off("end", onEnd).pause();
      signal.removeEventListener("abort", onEnd);
      resolve(result);
    };
    const onEnd = () => finish(undefined);
    const onData = (data: Buffer | string) => {
      for (const key of String(data)) {
        if (key === "\r" || key === "\n") return finish(typed);
        if (key === ctrlC || key === ctrlD) return finish(undefined);
        if (key === "\u007f" || key === "\b") typed = typed.slice(0, -1);
        else if (key === ctrlU) typed = "";
        else typed += key;
      }
    };
    signal.addEventListener("abort", onEnd, { once: true });
    stdin.on("data", onData).on("end", onEnd).resume();
  });
}
