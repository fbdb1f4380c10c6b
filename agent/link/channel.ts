// The agent's end of a Channel: bytes out with flow control, input in, and a signal for when nobody listens any more.
import { create } from "@bufbuild/protobuf";
import { type ChannelRequest, ChannelRequestSchema, type ChannelResponse } from "#proto/agent_pb.ts";
import { OzError, toOzError } from "#core/errors.ts";
import type { ChannelCall } from "./transport.ts";

/** What comes in: input, its end, or a new size of the terminal. */
export type ChannelInput = Exclude<ChannelResponse["message"], { case: "cancel" } | { case: undefined }>;

export type AgentChannel = {
  /** Aborts when nobody listens any more or the link broke. */
  readonly signal: AbortSignal;
  /** Sends output; resolves when there is room for more. Throws cancelled once the signal has aborted. */
  stdout(bytes: Uint8Array): Promise<void>;
  stderr(bytes: Uint8Array): Promise<void>;
  /** Tells that the other end of a forwarded connection is there. */
  connected(): Promise<void>;
  /** Tells that no more output follows, while input is still taken. */
  stdoutClosed(): Promise<void>;
  /** Ends with the channel. What is not read holds the sender back. */
  readonly input: AsyncIterable<ChannelInput>;
};

export type ChannelEnd = { readonly exitCode: number };

/** Serves one request: opens the channel, runs the handler, tells how it ended. Never throws. */
export async function runChannel(
  call: ChannelCall,
  channelId: string,
  handler: (channel: AgentChannel) => Promise<ChannelEnd | void>,
): Promise<void> {
  const abort = new AbortController();
  const input = createInput(call, abort);
  call.once("close", () => abort.abort());
  call.on("error", () => abort.abort());
  const send = (message: ChannelRequest["message"]) => write(call, message, abort.signal);
  let end = { exitCode: 0, error: "" };
  try {
    await send({ case: "opened", value: { $typeName: "ozwald.v1.ChannelOpened", channelId } });
    const result = await handler({
      signal: abort.signal,
      stdout: (bytes) => sendChunks(bytes, (value) => send({ case: "stdout", value })),
      stderr: (bytes) => sendChunks(bytes, (value) => send({ case: "stderr", value })),
      connected: () => send({ case: "connected", value: true }),
      stdoutClosed: () => send({ case: "stdoutClosed", value: true }),
      input,
    });
    end = { exitCode: result?.exitCode ?? 0, error: "" };
  } catch (error) {
    const { message, hint } = toOzError(error);
    end = { exitCode: 1, error: hint === "" ? message : `${message}. ${hint}` };
  }
  if (abort.signal.aborted) return call.cancel();
  await send({ case: "closed", value: { $typeName: "ozwald.v1.ChannelClosed", ...end } }).catch(() => {});
  call.end();
  // The other side may still be sending input; without a reader its end would never be seen.
  call.resume();
}

/** Bytes of one message: encoded, it stays below 64 KiB, from where on the encoder takes twice the memory. */
const chunkBytes = 64 * 1024 - 64;

async function sendChunks(bytes: Uint8Array, send: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  for (let from = 0; from < bytes.length; from += chunkBytes) await send(bytes.subarray(from, from + chunkBytes));
}

function write(call: ChannelCall, message: ChannelRequest["message"], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelled = () => settle(() => reject(new OzError("cancelled", "nobody listens any more")));
    const drained = () => settle(resolve);
    const settle = (finish: () => void) => {
      signal.removeEventListener("abort", cancelled);
      call.removeListener("drain", drained);
      finish();
    };
    if (signal.aborted) return cancelled();
    if (call.write(create(ChannelRequestSchema, { message }))) return resolve();
    signal.addEventListener("abort", cancelled, { once: true });
    call.once("drain", drained);
  });
}

/** Input that waits for the handler, in messages; then the stream is held. */
const mostWaiting = 16;

function createInput(call: ChannelCall, abort: AbortController): AsyncIterable<ChannelInput> {
  const waiting: ChannelInput[] = [];
  let wake: (() => void) | undefined;
  call.on("data", ({ message }: ChannelResponse) => {
    if (message.case === "cancel") return abort.abort();
    if (message.case === undefined) return;
    waiting.push(message);
    if (waiting.length >= mostWaiting) call.pause();
    wake?.();
  });
  call.once("end", () => abort.abort());
  abort.signal.addEventListener("abort", () => wake?.(), { once: true });
  return {
    async *[Symbol.asyncIterator]() {
      while (!abort.signal.aborted) {
        const message = waiting.shift();
        if (message !== undefined) {
          if (waiting.length < mostWaiting) call.resume();
          yield message;
        } else {
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    },
  };
}
