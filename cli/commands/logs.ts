// ozctl logs: what an instance says.
import type { Command } from "commander";
import { unlessAborted } from "#core/unless-aborted.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { LogsService } from "#proto/logs_pb.ts";
import { newCommand, runs, wholeNumber } from "../command.ts";
import { linePrefixer } from "../output/line-prefix.ts";
import { type Session, untilInterrupted } from "../session.ts";
import { parseNameArgument, slotOf } from "../spec-argument.ts";

type Options = { follow?: boolean; previous?: boolean; tail?: number; timestamps?: boolean; slot?: number };

export function logsCommand(session: Session): Command {
  const command = newCommand(session, "logs", {
    summary: "what an instance says",
    description: "With several replicas each line begins with its slot.",
    examples: ["ozctl logs -f tiny-llm", "ozctl logs --previous --tail 50 embed", "ozctl logs web#1"],
  })
    .argument("<name>", "instance, or NAME#SLOT for one replica")
    .option("-f, --follow", "go on until Ctrl-C, or until its container ends")
    .option("-p, --previous", "the attempt before the present one")
    .option("-n, --tail <lines>", "only so many lines to begin with", wholeNumber("--tail", 1))
    .option("-t, --timestamps", "put the time before each line")
    .option("--slot <number>", "only this replica", wholeNumber("--slot"));
  return runs(session, command, (name: string, options: Options) => logs(session, name, options));
}

async function logs(session: Session, written: string, options: Options): Promise<number> {
  const { io } = session;
  const { group, name, slot: writtenSlot } = parseNameArgument(written);
  const slot = slotOf(written, writtenSlot, options.slot);
  const client = await session.client();
  const write = slot === undefined && (await hasSeveral(session, group, name)) ? linePrefixer(io) : undefined;
  const { follow = false, previous = false, timestamps = false, tail = 0 } = options;
  const request = { instance: name, group, follow, previous, timestamps, tail, ...(slot !== undefined && { slot }) };
  try {
    await untilInterrupted(io, async (signal) => {
      for await (const part of client.stream(LogsService.method.getLogs, request, signal)) {
        if (write !== undefined) write.write(part);
        else if (part.stderr) io.err(part.data);
        else io.out(part.data);
        // What nobody reads is not asked for.
        await unlessAborted(io.taken(), signal);
      }
    });
  } finally {
    write?.end();
  }
  return 0;
}

async function hasSeveral(session: Session, group: string, name: string): Promise<boolean> {
  const { instances } = await (await session.client()).call(InstancesService.method.listInstances, {});
  const instance = instances.find((known) => known.name === name && known.group === (group || "default"));
  return instance !== undefined && instance.units.length > 1;
}
