// Carries TCP connections to replicas: the caller's stream and the host's channel, spliced. What is not read is not sent.
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { OzError, toOzError } from "#core/errors.ts";
import {
  type ChannelRequest,
  type ChannelResponse,
  ChannelResponseSchema,
  ForwardRequestSchema,
} from "#proto/agent_pb.ts";
import {
  ForwardService,
  type ForwardServiceForwardRequest,
  type ForwardServiceForwardResponse,
  ForwardServiceForwardResponseSchema,
  type ForwardStart,
  ForwardStartSchema,
} from "#proto/forward_pb.ts";
import type { HostChannel } from "../agents/channels.ts";
import type { ApiContext } from "./context.ts";
import { type ForwardChoice, forwardChoices } from "./forward-target.ts";

export function forwardRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(ForwardService, {
    async findTarget({ start = create(ForwardStartSchema) }) {
      const [first] = await forwardChoices(context, start);
      return first === undefined ? {} : { target: first.target };
    },
    async *forward(requests, call) {
      const incoming = requests[Symbol.asyncIterator]();
      const first = await incoming.next();
      if (first.done === true || first.value.message.case !== "start")
        throw new OzError("bad_request", "the first message has to say where the connection goes");
      yield* carry(context, first.value.message.value, incoming, call.signal);
    },
  });
}

async function* carry(
  context: ApiContext,
  start: ForwardStart,
  incoming: AsyncIterator<ForwardServiceForwardRequest>,
  signal: AbortSignal,
): AsyncGenerator<ForwardServiceForwardResponse> {
  const { channel, messages, choice } = await connectFirst(context, await forwardChoices(context, start), signal);
  try {
    yield create(ForwardServiceForwardResponseSchema, { message: { case: "connected", value: choice.target } });
    passInput(incoming, (message) => channel.send(message)).catch(() => {});
    for (;;) {
      const next = await messages.next();
      if (next.done === true) return;
      const { message } = next.value;
      if (message.case === "stdout")
        yield create(ForwardServiceForwardResponseSchema, { message: { case: "data", value: message.value } });
      if (message.case === "stdoutClosed")
        yield create(ForwardServiceForwardResponseSchema, { message: { case: "dataClosed", value: true } });
      if (message.case === "closed" && message.value.error !== "") throw new OzError("failed", message.value.error);
    }
  } finally {
    channel.cancel();
  }
}

type Connected = {
  readonly channel: HostChannel;
  readonly messages: AsyncIterator<ChannelRequest>;
  readonly choice: ForwardChoice;
};

/** The first replica that takes the connection. Throws what the last one said. */
async function connectFirst(
  context: Pick<ApiContext, "hub">,
  choices: readonly ForwardChoice[],
  signal: AbortSignal,
): Promise<Connected> {
  let last: OzError | undefined;
  for (const choice of choices) {
    try {
      return await connectTo(context, choice, signal);
    } catch (error) {
      last = toOzError(error);
      if (signal.aborted) break;
    }
  }
  throw last ?? new OzError("unavailable", "no replica took the connection");
}

async function connectTo(
  { hub }: Pick<ApiContext, "hub">,
  choice: ForwardChoice,
  signal: AbortSignal,
): Promise<Connected> {
  const { replicaId, containerPort, host } = choice.target;
  const request = create(ForwardRequestSchema, { replicaId, containerPort });
  const channel = await hub.openChannel(choice.hostId, { case: "forward", value: request }, signal);
  const messages = channel[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await messages.next();
      if (next.done === true) throw new OzError("unavailable", `${host} ended the connection before it began`);
      const { message } = next.value;
      if (message.case === "connected") return { channel, messages, choice };
      if (message.case === "closed") throw new OzError("unavailable", message.value.error);
    }
  } catch (error) {
    channel.cancel();
    throw error;
  }
}

async function passInput(
  incoming: AsyncIterator<ForwardServiceForwardRequest>,
  send: (message: ChannelResponse) => Promise<void>,
): Promise<void> {
  for (let turn = await incoming.next(); turn.done !== true; turn = await incoming.next()) {
    const { message } = turn.value;
    if (message.case === "data")
      await send(create(ChannelResponseSchema, { message: { case: "stdin", value: message.value } }));
  }
  await send(create(ChannelResponseSchema, { message: { case: "stdinClosed", value: true } }));
}
