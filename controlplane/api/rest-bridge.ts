// What the REST interface of the original asks for, answered by the same functions that the API uses.
import { create } from "@bufbuild/protobuf";
import { randomId } from "#core/ids.ts";
import { GetLogsRequestSchema } from "#proto/logs_pb.ts";
import { dynamicEdit } from "../change/edits.ts";
import type { LogRange, LogSubject, RestBackend } from "../rest/rest-backend.ts";
import { instanceSubject, listEvents } from "../store/events.ts";
import { hostList } from "../view/host-view.ts";
import { instanceList } from "../view/instance-view.ts";
import { serviceList } from "../view/service-view.ts";
import { channelTargets } from "./channel-target.ts";
import type { ApiContext } from "./context.ts";
import { replicaLogs } from "./logs.ts";

/** bootId: of this machine, to tell which host is the local one. */
export function createRestBackend(context: ApiContext, bootId: string): RestBackend {
  return {
    services: async () => serviceList(await context.world()),
    instances: async () => instanceList(await context.world(), context.hub.hosts()).instances,
    hosts: async () => hostList(await context.world(), context.hub.hosts()),
    async localHostName() {
      const local = context.hub.hosts().find((host) => host.bootId === bootId && host.state === "online");
      return (await context.world()).hosts.find((host) => host.id === local?.hostId)?.name;
    },
    replaceDynamic: (instances, actor) =>
      context.changer.carryOut({
        kind: "dynamic",
        title: "dynamic",
        actor,
        edit: (world) =>
          dynamicEdit(world, instances, { now: context.clock.now(), newId: () => randomId(context.random) }),
        event: { kind: "instance.dynamic", subject: "instances", message: "dynamic instances replaced" },
      }),
    logs: (subject, range, signal) => outputLines(context, subject, range, signal),
    async launchLogs(subject, range, signal) {
      const events = await context.store.read((read) =>
        listEvents(read, { limit: 200, subject: instanceSubject(subject.group, subject.instance) }),
      );
      const told = events.map((event) => `${new Date(event.at).toISOString()} ${event.message}`);
      const targets = await channelTargets(context, subject.group, subject.instance, undefined).catch(() => []);
      const ended = targets.flatMap(({ replica }) => replica.observed?.logTail ?? []);
      signal.throwIfAborted();
      return cut([...told, ...ended], range);
    },
  };
}

async function outputLines(
  context: ApiContext,
  { group, instance }: LogSubject,
  range: LogRange,
  signal: AbortSignal,
): Promise<string[]> {
  const targets = await channelTargets(context, group, instance, undefined);
  const lines: string[] = [];
  for (const target of targets) {
    const tail = "last" in range ? range.last : 0;
    const request = create(GetLogsRequestSchema, { instance, group, tail });
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of replicaLogs(context, target, request, signal)) {
      const parts = (rest + decoder.decode(chunk.data, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      if ("first" in range && lines.length >= range.first) return cut(lines, range);
      // Only the newest are wanted: what is older than that may go while reading.
      if ("last" in range && lines.length > 2 * range.last) lines.splice(0, lines.length - range.last);
    }
    if (rest !== "") lines.push(rest);
  }
  return cut(lines, range);
}

function cut(lines: readonly string[], range: LogRange): string[] {
  return "first" in range ? lines.slice(0, range.first) : lines.slice(-range.last);
}
