// ozctl ps: what is wanted, where it runs, how it is.
import type { Command } from "commander";
import { formatBytes } from "#core/units.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { unaryJson } from "../connect-json.ts";
import { type InstanceList, type ListedInstance, type ListedReplica, readInstanceList } from "../instance-list.ts";
import type { Io } from "../io.ts";
import { age } from "../output/ages.ts";
import { replicaState } from "../output/replica-state.ts";
import { endpointText, recipe, stateStyle, stateText } from "../output/replica.ts";
import { type Column, table } from "../output/table.ts";
import { type Session, untilInterrupted } from "../session.ts";
import { formatName } from "../spec-argument.ts";

type Options = { watch?: boolean; output?: OutputFormat };

export function psCommand(session: Session): Command {
  const command = newCommand(session, "ps", {
    summary: "what is wanted, where it runs, how it is",
    examples: ["ozctl ps", "ozctl ps -w", "ozctl ps -o wide", "ozctl ps -o json | jq '.instances[].name'"],
  });
  withOutput(command).option("-w, --watch", "show it again after every change");
  return runs(session, command, (options: Options) =>
    options.watch ? watch(session, options) : list(session, options),
  );
}

/** Only json and yaml load the contract: reading the list without it halves the time this command takes. */
async function list(session: Session, { output }: Options): Promise<number> {
  const { io } = session;
  if (output === "json" || output === "yaml") {
    const { InstancesService, ListInstancesResponseSchema } = await import("#proto/instances_pb.ts");
    const { printMessage } = await import("../output/format.ts");
    const answer = await (await session.client()).call(InstancesService.method.listInstances, {});
    await printMessage(io, output, ListInstancesResponseSchema, answer);
    return 0;
  }
  const text = await unaryJson(session.context(), "ozwald.v1.InstancesService/ListInstances", "{}", {
    timeoutMs: 10_000,
  });
  io.out(shownList(io, readInstanceList(text), output));
  return 0;
}

function shownList(io: Io, list: InstanceList, output: OutputFormat | undefined): string {
  if (output !== "name") return psText(io, list, output === "wide");
  return list.instances.map((instance) => `${formatName(instance.group, instance.name)}\n`).join("");
}

async function watch(session: Session, { output }: Options): Promise<number> {
  const { io } = session;
  const client = await session.client();
  const { InstancesService, WatchInstancesResponseSchema } = await import("#proto/instances_pb.ts");
  const { printMessage } = await import("../output/format.ts");
  const { resumed } = await import("../resumed.ts");
  let before: string[] = [];
  await untilInterrupted(io, async (signal) => {
    // After a break it begins with the whole state again: a restarted control plane may have forgotten the revision.
    const open = (stop: AbortSignal) =>
      client.stream(InstancesService.method.watchInstances, { afterRevision: 0n }, stop);
    for await (const answer of resumed(io, signal, open)) {
      if (await printMessage(io, output, WatchInstancesResponseSchema, answer, true)) continue;
      const text = shownList(io, answer, output);
      const lines = text.split(/(?<=\n)/);
      // A pipe gets only the lines that changed, so that what reads them sees each change once.
      io.out(io.isTerminal ? `\u001b[2J\u001b[H${text}` : lines.filter((line) => !before.includes(line)).join(""));
      before = lines;
    }
  });
  return 0;
}

type Row = { name: string; instance: ListedInstance | undefined; replica: ListedReplica | undefined };

/** The table with what needs a person's eye below it. */
export function psText(io: Io, { instances, unknown }: InstanceList, wide = false): string {
  const rows: Row[] = [
    ...instances.flatMap(instanceRows),
    ...unknown.map((replica) => ({ name: formatName(replica.group, replica.instance), instance: undefined, replica })),
  ];
  if (rows.length === 0)
    return "Nothing is wanted and nothing runs.  ozctl apply -f ozwald.yml   or   ozctl services\n";
  return `${table(io, columns(io, wide), rows)}${rows.map(remark).join("")}${unknownText(unknown)}`;
}

function instanceRows(instance: ListedInstance): Row[] {
  const many = instance.replicas > 1 || instance.units.length > 1;
  if (instance.units.length === 0)
    return [{ name: formatName(instance.group, instance.name), instance, replica: undefined }];
  return instance.units.map((replica) => ({
    name: formatName(instance.group, instance.name, many ? replica.slot : undefined),
    instance,
    replica,
  }));
}

function columns(io: Io, wide: boolean): Column<Row>[] {
  const now = io.clock.now();
  const shown: Column<Row>[] = [
    { title: "WANTED", value: (row) => row.name, shrink: true },
    {
      title: "RECIPE",
      value: (row) => recipe(row.replica?.service ? row.replica : (row.instance ?? row.replica!)),
      shrink: true,
    },
    { title: "HOST", value: (row) => row.replica?.host ?? row.instance?.host ?? "", shrink: true },
    {
      title: "STATE",
      value: state,
      style: (row) => (row.replica === undefined ? "dim" : stateStyle(row.replica.state)),
    },
    { title: "SINCE", value: (row) => age(row.replica?.since, now) },
    {
      title: "ENDPOINT",
      value: (row) =>
        row.replica?.observed?.endpoints
          .slice(0, wide ? undefined : 1)
          .map(endpointText)
          .join(" ") ?? "",
    },
  ];
  if (!wide) return shown;
  return [
    ...shown,
    {
      title: "MEMORY",
      value: ({ replica }) =>
        replica?.observed?.memoryBytes === undefined ? "" : formatBytes(replica.observed.memoryBytes),
    },
    { title: "STARTS", value: ({ replica }) => String(replica?.observed?.starts ?? "") },
    { title: "OWNER", value: ({ instance }) => instance?.owner ?? "" },
    { title: "IMAGE", value: ({ replica }) => replica?.image ?? "" },
    { title: "REPLICA", value: ({ replica }) => replica?.id ?? "" },
  ];
}

function state({ instance, replica }: Row): string {
  if (replica !== undefined) return stateText(replica);
  return instance?.overridden || instance?.replicas === 0 ? "down" : "pending";
}

const calm: ReadonlySet<number> = new Set([
  replicaState.READY,
  replicaState.PULLING,
  replicaState.STOPPED,
  replicaState.UNKNOWN,
]);

/** One line for everything that is not as it should be. */
function remark({ name, instance, replica }: Row): string {
  if (instance?.overridden)
    return `${name} is down although the settings want it.  ozctl up ${name}   or   ozctl apply\n`;
  if (replica === undefined || calm.has(replica.state) || replica.reason === "") return "";
  return `${name}: ${/\.\)?$/.test(replica.reason) ? replica.reason : `${replica.reason}.`}  ozctl why ${instance === undefined ? name : formatName(instance.group, instance.name)}\n`;
}

function unknownText(unknown: readonly ListedReplica[]): string {
  if (unknown.length === 0) return "";
  const places = unknown.map((replica) => `${replica.host}/${replica.id}`);
  const width = Math.max(...places.map((place) => place.length));
  const lines = places.map((place) => `  ozctl adopt ${place.padEnd(width)}   or   ozctl retire ${place}\n`);
  return `Unknown: it runs and nothing asks for it. It keeps running until you say:\n${lines.join("")}`;
}
