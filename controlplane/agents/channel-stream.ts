// The Channel stream of an agent as the HostChannel that whoever asked for it reads and writes.
import type * as grpc from "@grpc/grpc-js";
import { create } from "@bufbuild/protobuf";
import { type ChannelRequest, type ChannelResponse, ChannelResponseSchema } from "#proto/agent_pb.ts";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import type { HostChannel } from "./channels.ts";
import { resetStream, statusOf, strangerError } from "./grpc-status.ts";
import { fit } from "./host-words.ts";
import type { LinkIntake } from "./link-intake.ts";

export type ChannelCall = grpc.ServerDuplexStream<ChannelRequest, ChannelResponse>;

export type ChannelServing = {
  hostId: string | undefined;
  intake: LinkIntake;
  clock: Clock;
  log: Log;
  firstMessageMs?: number;
};

/** Waits for ChannelOpened, then hands the stream to whoever asked for it. */
export async function serveChannel(
  call: ChannelCall,
  { hostId, intake, clock, log, firstMessageMs = 10_000 }: ChannelServing,
): Promise<void> {
  const fail = (error: OzError) => void (call.destroyed || call.emit("error", statusOf(error)));
  call.on("error", (error) => log.debug({ err: error }, "a channel ended with an error"));
  if (hostId === undefined) return fail(strangerError);
  const patience = clock.after(firstMessageMs, () =>
    fail(new OzError("timeout", `no ChannelOpened came within ${firstMessageMs} ms`)),
  );
  const messages = call[Symbol.asyncIterator]() as AsyncIterator<ChannelRequest>;
  try {
    const first = await messages.next();
    if (first.done === true) return;
    const { message } = first.value;
    if (message.case !== "opened")
      return fail(new OzError("bad_request", "the first message of a channel is ChannelOpened"));
    if (!intake.acceptChannel(hostId, message.value.channelId, createHostChannel(call, messages, clock))) {
      fail(new OzError("not_found", "nobody waits for this channel any more"));
    }
  } catch (error) {
    log.debug({ err: error }, "a channel broke before it was opened");
  } finally {
    patience.cancel();
  }
}

/** How long an agent may take to end a channel that was cancelled. */
const resetMs = 2_000;

function createHostChannel(call: ChannelCall, messages: AsyncIterator<ChannelRequest>, clock: Clock): HostChannel {
  let over = false;

  async function send(message: ChannelResponse): Promise<void> {
    if (over || call.destroyed || call.writableEnded) throw new OzError("unavailable", "the channel has ended");
    if (call.write(message)) return;
    await roomOrEnd(call);
  }

  function cancel(): void {
    if (over) return;
    over = true;
    if (call.destroyed || call.writableEnded) return;
    // Not ended as well: it would be over here then, while an agent that has input to take yet hears neither of the two.
    call.write(create(ChannelResponseSchema, { message: { case: "cancel", value: true } }));
    const reset = clock.after(resetMs, () => resetStream(call));
    call.once("close", () => reset.cancel());
  }

  async function* read(): AsyncGenerator<ChannelRequest> {
    try {
      for (;;) {
        const next = await messages.next();
        if (next.done === true && over) return;
        if (next.done === true) break;
        if (next.value.message.case === "closed") fit(next.value.message);
        yield next.value;
        if (next.value.message.case === "closed") {
          over = true;
          if (!call.writableEnded) call.end();
          return;
        }
      }
    } catch (error) {
      if (over) return;
      throw new OzError("unavailable", "the channel to the host broke", {
        hint: "See `ozctl hosts`, then try again.",
        cause: error,
      });
    } finally {
      cancel();
    }
    throw new OzError("unavailable", "the host ended the channel without an answer", {
      hint: "See `ozctl hosts`, then try again.",
    });
  }

  return { send, cancel, [Symbol.asyncIterator]: read };
}

function roomOrEnd(call: ChannelCall): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.removeListener("drain", done);
      call.removeListener("close", done);
      resolve();
    };
    call.once("drain", done);
    call.once("close", done);
  });
}
