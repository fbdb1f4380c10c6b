// ozctl chat: a question to a model, or a talk. It needs no published port.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { plainText } from "#core/plain-text.ts";
import { formatRate } from "#core/units.ts";
import { askModel, type ChatAnswer, type ChatMessage, otherPortHint, servedModel } from "../chat-stream.ts";
import { newCommand, runs, wholeNumber } from "../command.ts";
import { converse } from "../converse.ts";
import { type Forwarder, openForwarder } from "../forwarder.ts";
import type { Io } from "../io.ts";
import { readAllInput } from "../read-secret.ts";
import { type Session, untilInterrupted } from "../session.ts";
import { portNumber } from "./forward.ts";

type Options = { model?: string; maxTokens?: number; remotePort?: number };

export function chatCommand(session: Session): Command {
  const command = newCommand(session, "chat", {
    summary: "talk to a model",
    description: [
      "Streams the answer and tells how fast it came. Ctrl-C ends the answer, and",
      "the model's work on it. Without a prompt it asks again and again.",
    ].join("\n"),
    examples: [
      'ozctl chat tiny-llm "Name three colours."',
      "ozctl chat tiny-llm",
      "ozctl chat tiny-llm < question.txt",
    ],
  })
    .argument("<name>", "instance, or NAME#SLOT for one replica")
    .argument("[prompt...]", "the question")
    .option("--model <model>", "model to ask (default: the first of /v1/models)")
    .option("--max-tokens <number>", "longest answer", wholeNumber("--max-tokens", 1))
    .option("--remote-port <port>", "port inside the container", portNumber("--remote-port"));
  return runs(session, command, (name: string, words: string[], options: Options) =>
    chat(session, name, words, options),
  );
}

/** How long a server may take to name its models, in milliseconds. */
const lookMs = 10_000;

async function askForModel(forwarder: Forwarder, written: string, signal: AbortSignal): Promise<string> {
  const limit = AbortSignal.timeout(lookMs);
  try {
    return await servedModel(forwarder, written, AbortSignal.any([signal, limit]));
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    throw new OzError("timeout", `${written} takes connections and did not answer /v1/models within 10 s.`, {
      hint: otherPortHint(written),
      cause: error,
    });
  }
}

type Talk = {
  readonly io: Io;
  readonly forwarder: Forwarder;
  readonly model: string;
  readonly maxTokens: number | undefined;
  readonly messages: ChatMessage[];
};

async function chat(session: Session, written: string, words: string[], options: Options): Promise<number> {
  const { io } = session;
  const prompt = words.join(" ").trim() || (io.stdin.isTTY === true ? "" : (await readAllInput(io)).trim());
  if (prompt === "" && io.stdin.isTTY !== true)
    throw new OzError("bad_request", "There is no question.", { hint: `ozctl chat ${written} "Name three colours."` });
  const forwarder = await openForwarder(session, written, options.remotePort);
  try {
    let model = options.model ?? "";
    const left = await untilInterrupted(io, async (signal) => {
      model ||= await askForModel(forwarder, written, signal);
    });
    if (left) return 130;
    const talk: Talk = { io, forwarder, model, maxTokens: options.maxTokens, messages: [] };
    if (prompt !== "") return (await answer(talk, prompt)) ? 0 : 130;
    const leave = io.platform === "win32" ? "Ctrl-C at the question" : "Ctrl-D";
    io.err(`${model}. Ctrl-C ends an answer, ${leave} the talk.\n`);
    await converse(io, async (question) => void (await answer(talk, question)));
    return 0;
  } finally {
    forwarder.close();
  }
}

/** False when Ctrl-C ended it. What fails is not part of the talk. */
async function answer({ io, forwarder, model, maxTokens, messages }: Talk, prompt: string): Promise<boolean> {
  const question: ChatMessage = { role: "user", content: prompt };
  let text = "";
  const onText = (piece: string) => {
    text += piece;
    io.out(shownPiece(io, piece));
  };
  let done: ChatAnswer | undefined;
  await untilInterrupted(io, async (signal) => {
    done = await askModel(forwarder, { model, messages: [...messages, question], maxTokens, signal, onText });
  });
  messages.push(question, { role: "assistant", content: text });
  // Beside the answer on a terminal, as a person reads it; never within what a program reads.
  if (io.isTerminal) io.out(`${done === undefined ? "" : io.style("dim", `    ${speedText(done)}`)}\n`);
  else {
    io.out("\n");
    if (done !== undefined) io.err(`${speedText(done)}\n`);
  }
  return done !== undefined;
}

function speedText({ firstTokenMs, tokensPerSecond }: ChatAnswer): string {
  if (firstTokenMs === undefined) return "no answer";
  const speed = tokensPerSecond === undefined ? "" : `, ${formatRate(tokensPerSecond)} tok/s`;
  return `${Math.round(firstTokenMs)} ms to first token${speed}`;
}

/** Of an answer: a terminal gets nothing that it would obey, as a model says what it read somewhere. A program gets every character. */
export function shownPiece({ isTerminal }: Pick<Io, "isTerminal">, piece: string): string {
  return isTerminal ? plainText(piece) : piece;
}
