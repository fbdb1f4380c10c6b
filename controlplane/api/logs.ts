// Passes the output of replicas through, from as many hosts as they are on.
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { LogRequestSchema } from "#proto/agent_pb.ts";
import { OzError, toOzError } from "#core/errors.ts";
import { nameInGroup } from "#core/names.ts";
import { type GetLogsRequest, type GetLogsResponse, GetLogsResponseSchema, LogsService } from "#proto/logs_pb.ts";
import { type ChannelTarget, channelTargets } from "./channel-target.ts";
import type { ApiContext } from "./context.ts";
import { mergeStreams } from "./merge-streams.ts";

export function logRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(LogsService, {
    async *getLogs(request, call) {
      const targets = await channelTargets(context, request.group, request.instance, request.slot);
      yield* instanceLogs(context, targets, request, call.signal);
    },
  });
}

export type LogContext = { readonly hub: Pick<ApiContext["hub"], "openChannel"> };

/**
 * Output of all these replicas. One of several that cannot be read keeps nobody from the others: why is told at once, as a line of its error
 * output. Throws failed at the end then; what a single one throws is thrown.
 */
export async function* instanceLogs(
  context: LogContext,
  targets: readonly ChannelTarget[],
  request: GetLogsRequest,
  signal: AbortSignal,
): AsyncGenerator<GetLogsResponse> {
  let unread = 0;
  async function* orReason(target: ChannelTarget): AsyncGenerator<GetLogsResponse> {
    try {
      yield* replicaLogs(context, target, request, signal);
    } catch (error) {
      if (targets.length === 1 || signal.aborted) throw error;
      unread += 1;
      const { message, hint } = toOzError(error);
      const data = Buffer.from(`${hint === "" ? message : `${message}. ${hint}`}\n`);
      yield create(GetLogsResponseSchema, { slot: target.replica.slot, data, stderr: true });
    }
  }
  yield* mergeStreams(targets.map(orReason));
  if (unread === 0) return;
  const typed = nameInGroup(request.group, request.instance);
  throw new OzError("failed", `${unread} of ${targets.length} replicas of ${typed} could not be read to the end`, {
    hint: `How they are:  ozctl ps        One alone:  ozctl logs ${typed}#SLOT`,
  });
}

/** Output of one replica until its end, or for ever with follow. */
export async function* replicaLogs(
  context: LogContext,
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
