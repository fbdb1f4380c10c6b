// ozctl why: why an instance is where it is, or is not.
import type { Command } from "commander";
import { ExplainInstanceResponseSchema, InstancesService, type ExplainInstanceResponse } from "#proto/instances_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import type { Io } from "../io.ts";
import { clockTime } from "../output/ages.ts";
import { printMessage } from "../output/format.ts";
import { length, pad } from "../output/table.ts";
import type { Session } from "../session.ts";
import { parseNameArgument } from "../spec-argument.ts";

export function whyCommand(session: Session): Command {
  const command = newCommand(session, "why", {
    summary: "why it is where it is, or is not",
    examples: ["ozctl why judge", "ozctl why shop:web -o json"],
  });
  withOutput(command, ["json", "yaml"]).argument("<name>", "instance, or a service that is not wanted yet");
  return runs(session, command, (name: string, options: { output?: OutputFormat }) =>
    why(session, name, options.output),
  );
}

async function why(session: Session, written: string, output: OutputFormat | undefined): Promise<number> {
  const { group, name } = parseNameArgument(written);
  const client = await session.client();
  const answer = await client.call(InstancesService.method.explainInstance, { group, name });
  if (!(await printMessage(session.io, output, ExplainInstanceResponseSchema, answer)))
    session.io.out(whyText(session.io, answer));
  return 0;
}

/** Summary, every host that was looked at, the last events, what to type next. */
export function whyText(io: Io, { summary, candidates, events, next }: ExplainInstanceResponse): string {
  const places = candidates.map(({ host, variety }) => (variety === "" ? host : `${host} (${variety})`));
  const width = Math.max(0, ...places.map(length));
  const looked = candidates.map(
    ({ fits, reason }, i) => `  ${pad(places[i]!, width)}  ${reason || (fits ? "would do" : "would not do")}\n`,
  );
  const happened = events.map((event) => `  ${clockTime(event.at, io.clock.now())}  ${event.message}\n`);
  return [
    `${summary}\n`,
    ...(looked.length > 0 ? ["Hosts looked at, best first:\n", ...looked] : []),
    ...(happened.length > 0 ? ["What happened:\n", ...happened] : []),
    ...(next.length > 0 ? [`Next  ${next.join("\n      ")}\n`] : []),
  ].join("");
}
