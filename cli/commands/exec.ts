// ozctl exec: a command inside a replica. It needs HTTP/2, so connect-node is loaded when it runs.
import type { Command } from "commander";
import { create } from "@bufbuild/protobuf";
import { OzError } from "#core/errors.ts";
import { unlessAborted } from "#core/unless-aborted.ts";
import { ExecService, type ExecServiceExecRequest, ExecServiceExecRequestSchema } from "#proto/logs_pb.ts";
import { newCommand, runs, wholeNumber } from "../command.ts";
import type { Io } from "../io.ts";
import { unreadableInput } from "../read-secret.ts";
import { type Session, untilInterrupted } from "../session.ts";
import { parseNameArgument, slotOf } from "../spec-argument.ts";
import { sendQueue, type SendQueue } from "../send-queue.ts";

type Options = { interactive?: boolean; tty?: boolean; user?: string; slot?: number };

export function execCommand(session: Session): Command {
  const command = newCommand(session, "exec", {
    summary: "run a command inside a replica",
    description: "The exit code is the one of the command.",
    examples: [
      "ozctl exec tiny-llm ls -l /models",
      "ozctl exec -it tiny-llm -- sh",
      "cat file | ozctl exec -i web#1 -- sh -c 'cat > /tmp/file'",
    ],
  })
    .argument("<name>", "instance, or NAME#SLOT for one replica")
    .argument("<command...>", "program and its arguments; -- before them if need be")
    .option("-i, --interactive", "send standard input")
    .option("-t, --tty", "give it a terminal")
    .option("-u, --user <user>", "user inside (default: the container's own)")
    .option("--slot <number>", "which replica (default: 0)", wholeNumber("--slot"))
    .passThroughOptions();
  return runs(session, command, async (name: string, rest: string[]) => {
    const words = commandWords(command, rest);
    if (words === undefined) return 0;
    return await exec(session, name, words, command.opts<Options>());
  });
}

/** Takes the options that stand between name and command away; undefined when they ask for help. Throws for an unknown one. */
function commandWords(command: Command, rest: string[]): string[] | undefined {
  const { operands, unknown } = command.parseOptions(rest);
  if (unknown[0] === "-h" || unknown[0] === "--help") {
    command.outputHelp();
    return undefined;
  }
  if (unknown[0] !== undefined)
    command.error(`error: unknown option '${unknown[0]}'`, { code: "commander.unknownOption" });
  if (operands.length === 0)
    command.error("error: missing required argument 'command'", { code: "commander.missingArgument" });
  return operands;
}

async function exec(session: Session, written: string, words: string[], options: Options): Promise<number> {
  const { io } = session;
  const { group, name, slot } = parseNameArgument(written);
  const tty = options.tty === true;
  const size = io.size();
  if (tty && (size === undefined || (options.interactive && io.stdin.isTTY !== true))) {
    throw new OzError("bad_request", "-t gives the command a terminal, and this is none.", {
      hint: `Leave -t out:  ozctl exec ${options.interactive ? "-i " : ""}${written} -- ${words.join(" ")}`,
    });
  }
  const stdin = options.interactive === true;
  const start = {
    instance: name,
    group,
    slot: slotOf(written, slot, options.slot) ?? 0,
    command: words,
    stdin,
    tty,
    user: options.user ?? "",
    ...(tty && size && { size }),
  };
  const { openBidiClient } = await import("../bidi-client.ts");
  const client = await openBidiClient(session.context());
  const queue = sendQueue<ExecServiceExecRequest>();
  queue.push(create(ExecServiceExecRequestSchema, { message: { case: "start", value: start } }));
  const release = stdin ? sendInput(io, queue, tty) : () => queue.end();
  if (!stdin && !tty)
    queue.push(create(ExecServiceExecRequestSchema, { message: { case: "stdinClosed", value: true } }));
  const forgetResize = tty ? io.onResize(() => sendSize(io, queue)) : () => undefined;
  let exitCode: number | undefined;
  try {
    const left = await untilInterrupted(io, async (signal) => {
      for await (const { message } of client.stream(ExecService.method.exec, queue, signal)) {
        if (message.case === "stdout") io.out(message.value);
        else if (message.case === "stderr") io.err(message.value);
        else if (message.case === "exitCode") exitCode = message.value;
        // What nobody reads is not asked for.
        await unlessAborted(io.taken(), signal);
      }
    });
    if (left) return 130;
  } finally {
    forgetResize();
    release();
    client.close();
  }
  if (exitCode === undefined)
    throw new OzError("unavailable", `The connection to ${written} ended before the command did.`, {
      hint: `ozctl why ${written}`,
    });
  return exitCode;
}

/** Forwards standard input; the result ends that and gives the terminal back. */
function sendInput(io: Io, queue: SendQueue<ExecServiceExecRequest>, raw: boolean): () => void {
  const { stdin } = io;
  const onData = (data: Buffer) => {
    queue.push(create(ExecServiceExecRequestSchema, { message: { case: "stdin", value: data } }));
    if (queue.size() < 64) return;
    // A slow command must not make this program hold its whole input.
    stdin.pause();
    queue.onDrained(() => stdin.resume());
  };
  const onEnd = () =>
    queue.push(create(ExecServiceExecRequestSchema, { message: { case: "stdinClosed", value: true } }));
  // `< FOLDER`, or a disk that fails: the command gets what was read until then.
  const onError = (error: Error) => {
    io.err(`${unreadableInput(error).message}\n`);
    onEnd();
  };
  if (raw) stdin.setRawMode?.(true);
  stdin.on("data", onData).on("end", onEnd).on("error", onError).resume();
  return () => {
    stdin.off("data", onData).off("end", onEnd).off("error", onError).pause();
    if (raw) stdin.setRawMode?.(false);
    queue.end();
  };
}

function sendSize(io: Io, queue: SendQueue<ExecServiceExecRequest>): void {
  const size = io.size();
  if (size !== undefined)
    queue.push(create(ExecServiceExecRequestSchema, { message: { case: "resize", value: size } }));
}
