// Runs commands inside replicas: two streams, spliced.
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { type ChannelResponse, ChannelResponseSchema, ExecRequestSchema } from "#proto/agent_pb.ts";
import {
  ExecService,
  type ExecServiceExecRequest,
  type ExecServiceExecResponse,
  ExecServiceExecResponseSchema,
  type ExecStart,
} from "#proto/logs_pb.ts";
import { channelTargets } from "./channel-target.ts";
import type { ApiContext } from "./context.ts";

export function execRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(ExecService, {
    async *exec(requests, call) {
      const incoming = requests[Symbol.asyncIterator]();
      const first = await incoming.next();
      const start = first.done === true || first.value.message.case !== "start" ? undefined : first.value.message.value;
      if (start === undefined || start.command.length === 0)
        throw new OzError("bad_request", "the first message has to name a command");
      yield* runCommand(context, start, incoming, call.signal);
    },
  });
}

async function* runCommand(
  context: ApiContext,
  start: ExecStart,
  incoming: AsyncIterator<ExecServiceExecRequest>,
  signal: AbortSignal,
): AsyncGenerator<ExecServiceExecResponse> {
  const [target] = await channelTargets(context, start.group, start.instance, start.slot);
  if (target === undefined) throw new OzError("precondition", `${start.instance} has no replica`);
  const { command, stdin, tty, user, size } = start;
  const request = create(ExecRequestSchema, {
    replicaId: target.replica.id,
    command,
    stdin,
    tty,
    user,
    columns: size?.columns ?? 80,
    rows: size?.rows ?? 24,
  });
  const channel = await context.hub.openChannel(target.hostId, { case: "exec", value: request }, signal);
  const input = passInput(incoming, (message) => channel.send(message));
  input.catch(() => {});
  for await (const { message } of channel) {
    if (message.case === "stdout" || message.case === "stderr")
      yield create(ExecServiceExecResponseSchema, { message });
    if (message.case !== "closed") continue;
    if (message.value.error !== "") throw new OzError("failed", message.value.error);
    yield create(ExecServiceExecResponseSchema, { message: { case: "exitCode", value: message.value.exitCode } });
    return;
  }
  throw new OzError("unavailable", `the link to ${target.replica.host} broke while the command ran`);
}

async function passInput(
  incoming: AsyncIterator<ExecServiceExecRequest>,
  send: (message: ChannelResponse) => Promise<void>,
): Promise<void> {
  for (let turn = await incoming.next(); turn.done !== true; turn = await incoming.next()) {
    const { message } = turn.value;
    if (message.case === "stdin" || message.case === "resize" || message.case === "stdinClosed")
      await send(create(ChannelResponseSchema, { message }));
  }
  await send(create(ChannelResponseSchema, { message: { case: "stdinClosed", value: true } }));
}
