// Channels that were asked for and are not open yet: matches the Channel an agent opens with the OpenChannel it was sent.
import type { ChannelRequest, ChannelResponse } from "#proto/agent_pb.ts";
import type { Clock } from "#core/clock.ts";
import { OzError, toOzError } from "#core/errors.ts";
import { createTurns } from "./turns.ts";

/**
 * The bytes of one log or exec request. Iterating takes messages at the reader's own speed: what is not read is not sent.
 * Leaving the iteration early cancels. The iteration throws unavailable when the host goes away before ChannelClosed.
 */
export type HostChannel = AsyncIterable<ChannelRequest> & {
  /** Resolves when the message is on its way; waits while the agent does not read. Throws unavailable when the channel has ended. */
  send(message: ChannelResponse): Promise<void>;
  /** Tells the agent that nobody listens any more, and ends. Safe to repeat. */
  cancel(): void;
};

type Waiting = { hostId: string; take(channel: HostChannel): void; fail(error: OzError): void };

export type Channels = {
  /**
   * Sends the request through ask and waits for the agent. A host is asked for a few at a time: many at once would fill its link, which
   * is cut then. Throws unavailable after timeoutMs, limit when too many wait already, cancelled when the signal aborts.
   */
  open(hostId: string, ask: (channelId: string) => void, signal: AbortSignal): Promise<HostChannel>;
  /** False when nobody asked this host for it, or does no longer. */
  accept(hostId: string, channelId: string, channel: HostChannel): boolean;
  /** Fails what waits for a host whose stream ended. */
  failHost(hostId: string, error: OzError): void;
};

/** Requests a host has been sent and has not answered yet. */
const mostAsked = 16;
/** Requests for one host that may wait for their turn. */
const mostWaiting = 1024;

export function createChannels(options: { clock: Clock; newId: () => string; timeoutMs: number }): Channels {
  const { clock, newId, timeoutMs } = options;
  const waiting = new Map<string, Waiting>();
  const turns = createTurns({ mostAsked, mostWaiting });

  function open(hostId: string, ask: (channelId: string) => void, signal: AbortSignal): Promise<HostChannel> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new OzError("cancelled", "the request was cancelled"));
      const id = newId();
      const endsAt = clock.now() + timeoutMs;
      let endTurn = () => {};
      const settle = (finish: () => void) => {
        waiting.delete(id);
        endTurn();
        timer.cancel();
        signal.removeEventListener("abort", cancelled);
        finish();
      };
      const fail = (error: OzError) => settle(() => reject(error));
      const cancelled = () => fail(new OzError("cancelled", "the request was cancelled"));
      const timer = clock.after(timeoutMs, () =>
        fail(
          new OzError("unavailable", `the agent did not open a channel within ${timeoutMs} ms`, {
            hint: "See how the host is with `ozctl hosts`, then try again.",
          }),
        ),
      );
      signal.addEventListener("abort", cancelled, { once: true });
      waiting.set(id, { hostId, fail, take: (channel) => settle(() => resolve(tied(channel, signal))) });
      try {
        endTurn = turns.take(hostId, () => {
          // Those that waited in vain end together, each with a turn for the next one: asked for all at once they would fill the link.
          if (clock.now() < endsAt) ask(id);
        });
      } catch (error) {
        fail(toOzError(error));
      }
    });
  }

  return {
    open,
    accept(hostId, channelId, channel) {
      const waiter = waiting.get(channelId);
      if (waiter === undefined || waiter.hostId !== hostId) return false;
      waiter.take(channel);
      return true;
    },
    failHost(hostId, error) {
      for (const waiter of [...waiting.values()]) if (waiter.hostId === hostId) waiter.fail(error);
    },
  };
}

/** The channel, cancelled when the signal aborts; the listener goes when the reading ends. */
function tied(channel: HostChannel, signal: AbortSignal): HostChannel {
  const cancel = () => channel.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return {
    send: (message) => channel.send(message),
    cancel,
    async *[Symbol.asyncIterator]() {
      try {
        yield* channel;
      } finally {
        signal.removeEventListener("abort", cancel);
        channel.cancel();
      }
    },
  };
}
