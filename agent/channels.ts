// Serves what somebody asks of one replica over its own channel: its log, a command inside it, or a connection to it.
import { OzError } from "#core/errors.ts";
import { secretValues } from "#core/secret.ts";
import type { ExecRequest, ForwardRequest, LogRequest, OpenChannel } from "#proto/agent_pb.ts";
import type { ContainerEngine, ExecSession, ObservedContainer } from "./apply/engine.ts";
import { maskedSink } from "./apply/masked-output.ts";
import { forwardBytes } from "./forward.ts";
import type { AgentChannel, ChannelEnd } from "./link/channel.ts";
import { reach, type Survey } from "./observe/survey.ts";
import type { Wanted } from "./plan/found.ts";

export type ChannelDeps = {
  readonly engine: Pick<ContainerEngine, "logs" | "exec" | "environment">;
  /** What is wanted of a replica; undefined when nobody asks for it. */
  readonly wanted: (replicaId: string) => Wanted | undefined;
  readonly look: () => Survey | undefined;
};

/** Throws not_found when nothing is left of the replica, precondition when it does not run, and what the engine throws. */
export async function serveChannel(
  deps: ChannelDeps,
  request: OpenChannel["request"],
  channel: AgentChannel,
): Promise<ChannelEnd | void> {
  if (request.case === "logs") return copyLog(deps, request.value, channel);
  if (request.case === "exec") return runCommand(deps, request.value, channel);
  if (request.case === "forward") return forward(deps, request.value, channel);
  throw new OzError("not_supported", "this agent does not know what was asked of it", {
    hint: "Update ozwald-agent on that host.",
  });
}

/** Secrets leave the host in no log. What is hidden is what that container was given, be it wanted still or not. */
async function copyLog(deps: ChannelDeps, request: LogRequest, channel: AgentChannel): Promise<void> {
  const { engine, look } = deps;
  const { replicaId, follow, tail, previous, timestamps } = request;
  const spec = deps.wanted(replicaId)?.spec;
  const name = spec?.instance ?? `replica ${replicaId}`;
  const { id, secretKeys } = containerForLog(look()?.get(replicaId) ?? [], request, name);
  const environment = await engine.environment(id);
  const sink = maskedSink(channel, secretValues(environment, [...secretKeys, ...(spec?.secretKeys ?? [])]));
  await engine.logs(id, { follow: follow && !previous, tail, timestamps }, sink, channel.signal);
  await sink.end();
}

/** The container of the present attempt (without one, of the last), or with previous of the one before; that of an ended replica is its last. */
export function containerForLog(
  containers: readonly ObservedContainer[],
  request: Pick<LogRequest, "previous">,
  name: string,
): ObservedContainer {
  const started = containers.filter(({ phase }) => phase !== "created");
  const alive = started.findLast(({ phase }) => phase === "running");
  const present = alive ?? started.at(-1);
  if (present === undefined) throw new OzError("not_found", `nothing of ${name} has run on this host yet`);
  if (!request.previous || alive === undefined) return present;
  const before = started.findLast(({ attempt }) => attempt < present.attempt);
  if (before !== undefined) return before;
  throw new OzError("not_found", `${present.instance} has no earlier attempt that is kept`, {
    hint: "Its present log: ozctl logs without --previous",
  });
}

async function runCommand(
  { engine, look, wanted }: ChannelDeps,
  request: ExecRequest,
  channel: AgentChannel,
): Promise<ChannelEnd> {
  const { replicaId, command, stdin, tty, columns, rows, user } = request;
  const name = wanted(replicaId)?.spec.instance;
  const alive = runningContainer(look()?.get(replicaId) ?? [], replicaId, name);
  const session = await engine.exec(alive.id, { command, stdin, tty, columns, rows, user }, channel, channel.signal);
  // Ends with the channel; what goes wrong with input after the command ended does not matter.
  void feed(session, channel).catch(() => {});
  return { exitCode: await session.exitCode };
}

function runningContainer(
  containers: readonly ObservedContainer[],
  replicaId: string,
  wantedName?: string,
): ObservedContainer {
  const alive = containers.findLast(({ phase }) => phase === "running");
  if (alive !== undefined) return alive;
  const name = wantedName ?? containers.at(-1)?.instance ?? `replica ${replicaId}`;
  throw new OzError("precondition", `${name} does not run on this host now`, { hint: "See why: ozctl ps" });
}

async function forward({ look, wanted }: ChannelDeps, request: ForwardRequest, channel: AgentChannel): Promise<void> {
  const { replicaId, containerPort } = request;
  const alive = runningContainer(look()?.get(replicaId) ?? [], replicaId);
  const at = reach(alive, wanted(replicaId), containerPort);
  if (at === undefined)
    throw new OzError(
      "precondition",
      `${alive.instance} has no address on this host at which port ${containerPort} is reached`,
    );
  return forwardBytes(at, channel);
}

async function feed(session: ExecSession, channel: AgentChannel): Promise<void> {
  for await (const message of channel.input) {
    if (message.case === "stdin") await session.write(message.value);
    else if (message.case === "stdinClosed") session.endInput();
    else await session.resize(message.value.columns, message.value.rows);
  }
}
