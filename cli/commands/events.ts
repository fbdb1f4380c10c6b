// ozctl events: what happened.
import type { Command } from "commander";
import { EventSchema, EventsService, ListEventsResponseSchema, type Event } from "#proto/events_pb.ts";
import { newCommand, type OutputFormat, runs, wholeNumber, withOutput } from "../command.ts";
import { resumed } from "../resumed.ts";
import { clockTime } from "../output/ages.ts";
import { printMessage } from "../output/format.ts";
import { pad } from "../output/table.ts";
import { type Session, untilInterrupted } from "../session.ts";

type Options = { follow?: boolean; limit?: number; subject?: string; output?: OutputFormat };

export function eventsCommand(session: Session): Command {
  const command = newCommand(session, "events", {
    summary: "what happened",
    examples: ["ozctl events", "ozctl events -f", "ozctl events --subject instance/tiny-llm --limit 10"],
  });
  withOutput(command, ["wide", "json", "yaml"])
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --limit <number>", "only the last so many (default: 50)", wholeNumber("--limit", 1))
    .option("--subject <subject>", 'only about this, "instance/web", "instance/shop:web", "host/devbox"');
  return runs(session, command, (options: Options) => events(session, options));
}

async function events(session: Session, { follow, limit = 0, subject = "", output }: Options): Promise<number> {
  const { io } = session;
  const client = await session.client();
  const listed = await client.call(EventsService.method.listEvents, { limit, subject });
  if (!follow) {
    if (!(await printMessage(io, output, ListEventsResponseSchema, listed)))
      io.out(
        listed.events.map((event) => eventLine(event, io.clock.now(), output === "wide")).join("") ||
          "Nothing happened yet.\n",
      );
    return 0;
  }
  const show = async (event: Event) => {
    if (!(await printMessage(io, output, EventSchema, event, true)))
      io.out(eventLine(event, io.clock.now(), output === "wide"));
  };
  let after = listed.events.at(-1)?.sequence ?? 0n;
  for (const event of listed.events) await show(event);
  await untilInterrupted(io, async (signal) => {
    const open = (stop: AbortSignal) => client.stream(EventsService.method.watchEvents, { afterSequence: after }, stop);
    for await (const { event } of resumed(io, signal, open)) {
      if (event === undefined) continue;
      after = event.sequence;
      if (subject === "" || event.subject === subject) await show(event);
    }
  });
  return 0;
}

/** "14:02:11  replica.ready    instance/tiny-llm  ready after 1.8 s". */
export function eventLine(event: Event, nowMs: number, wide = false): string {
  const by = wide && event.actor !== "" ? `  by ${event.actor}` : "";
  return (
    `${clockTime(event.at, nowMs)}  ${pad(event.kind, 16)}  ${pad(event.subject, 18)}  ${event.message}${by}`.trimEnd() +
    "\n"
  );
}
