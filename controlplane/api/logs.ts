// Passes the output of replicas through, from as many hosts as they are on.
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { LogRequestSchema } from "#proto/agent_pb.ts";
import { OzError } from "#core/errors.ts";
import { type GetLogsRequest, type GetLogsResponse, GetLogsResponseSchema, LogsService } from "#proto/logs_pb.ts";
import { type ChannelTarget, channelTargets } from "./channel-target.ts";
import type { ApiContext } from "./context.ts";
import { mergeStreams } from "./merge-streams.ts";

export function logRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(LogsService, {
    async *getLogs(request, call) {
      const targets = await channelTargets(context, request.group, request.instance, request.slot);
      yield* mergeStreams(targets.map((target) => replicaLogs(context, target, request, call.signal)));
    },
  });
}

/** Output of one replica until its end, or for ever with follow. */
export async function* replicaLogs(
  context: Pick<ApiContext, "hub">,
  { hostId, replica }: ChannelTarget,
  request: GetLogsRequest,
  signal: AbortSignal,
): AsyncGenerator<GetLogsResponse> {
  const { follow, tail, previous, timestamps } = request;
  const channel = await context.hub.openChannel(
    hostId,
    { case: "logs", value: create(LogRequestSchema, { replicaId: replica.id, follow, tail, previous, timestamps }) },
    signal,
  );
  for await (const { message } of channel) {
    if (message.case === "stdout") yield create(GetLogsResponseSchema, { slot: replica.slot, data: message.value });
    if (message.case === "stderr")
      yield create(GetLogsResponseSchema, { slot: replica.slot, data: message.value, stderr: true });
    if (message.case === "closed" && message.value.error !== "") throw new OzError("failed", message.value.error);
  }
}
