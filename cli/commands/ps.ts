// ozctl ps: what is wanted, where it runs, how it is.
import type { Command } from "commander";
import {
  InstancesService,
  ListInstancesResponseSchema,
  type Instance,
  type WatchInstancesResponse,
} from "#proto/instances_pb.ts";
import { ReplicaState, type Replica } from "#proto/replicas_pb.ts";
import { formatBytes } from "#core/units.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { resumed } from "../follow.ts";
import type { Io } from "../io.ts";
import { age } from "../output/ages.ts";
import { printMessage, printNames } from "../output/format.ts";
import { endpointText, recipe, stateStyle, stateText } from "../output/replica.ts";
import { type Column, table } from "../output/table.ts";
import { type Session, untilInterrupted } from "../session.ts";
import { formatName } from "../spec-argument.ts";

type Options = { watch?: boolean; output?: OutputFormat };
type List = Pick<WatchInstancesResponse, "instances" | "unknown">;

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

async function list(session: Session, { output }: Options): Promise<number> {
  const client = await session.client();
  const answer = await client.call(InstancesService.method.listInstances, {});
  if (output === "name") printNames(session.io, names(answer));
  else if (!(await printMessage(session.io, output, ListInstancesResponseSchema, answer)))
    session.io.out(psText(session.io, answer, output === "wide"));
  return 0;
}

async function watch(session: Session, { output }: Options): Promise<number> {
  const { io } = session;
  const client = await session.client();
  let revision = 0n;
  let before: string[] = [];
  await untilInterrupted(io, async (signal) => {
    // After a break it begins with the whole state again: a restarted control plane may have forgotten the revision.
    const open = (stop: AbortSignal) =>
      client.stream(InstancesService.method.watchInstances, { afterRevision: 0n }, stop);
    for await (const answer of resumed(io, signal, open)) {
      if (answer.revision === revision && before.length > 0) continue;
      revision = answer.revision;
      if (output === "json" || output === "yaml") {
        const { WatchInstancesResponseSchema } = await import("#proto/instances_pb.ts");
        await printMessage(io, output, WatchInstancesResponseSchema, answer, true);
      } else if (io.isTerminal) {
        io.out(`\u001b[2J\u001b[H${psText(io, answer, output === "wide")}`);
      } else {
        const now =
          output === "name"
            ? names(answer).map((name) => `${name}\n`)
            : psText(io, answer, output === "wide").split(/(?<=\n)/);
        // In a pipe only the lines that changed are written, so that what reads them sees each change once.
        io.out(now.filter((line) => !before.includes(line)).join(""));
        before = now;
      }
    }
  });
  return 0;
}

function names({ instances }: List): string[] {
  return instances.map((instance) => formatName(instance.group, instance.name));
}

type Row = { name: string; instance: Instance | undefined; replica: Replica | undefined };

/** The table with what needs a person's eye below it. */
export function psText(io: Io, { instances, unknown }: List, wide = false): string {
  const rows: Row[] = [
    ...instances.flatMap(instanceRows),
    ...unknown.map((replica) => ({ name: formatName(replica.group, replica.instance), instance: undefined, replica })),
  ];
  if (rows.length === 0)
    return "Nothing is wanted and nothing runs.  ozctl apply -f ozwald.yml   or   ozctl services\n";
  return `${table(io, columns(io, wide), rows)}${rows.map(remark).join("")}${unknownText(unknown)}`;
}

function instanceRows(instance: Instance): Row[] {
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
  ReplicaState.READY,
  ReplicaState.PULLING,
  ReplicaState.STOPPED,
  ReplicaState.UNKNOWN,
]);

/** One line for everything that is not as it should be. */
function remark({ name, instance, replica }: Row): string {
  if (instance?.overridden)
    return `${name} is down although the settings want it.  ozctl up ${name}   or   ozctl apply\n`;
  if (replica === undefined || calm.has(replica.state) || replica.reason === "") return "";
  return `${name}: ${replica.reason.replace(/\.?$/, ".")}  ozctl why ${instance === undefined ? name : formatName(instance.group, instance.name)}\n`;
}

function unknownText(unknown: readonly Replica[]): string {
  if (unknown.length === 0) return "";
  const places = unknown.map((replica) => `${replica.host}/${replica.id}`);
  const width = Math.max(...places.map((place) => place.length));
  const lines = places.map((place) => `  ozctl adopt ${place.padEnd(width)}   or   ozctl retire ${place}\n`);
  return `Unknown: it runs and nothing asks for it. It keeps running until you say:\n${lines.join("")}`;
}
