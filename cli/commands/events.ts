// ozctl events: what happened.
import type { Command } from "commander";
import { EventSchema, EventsService, ListEventsResponseSchema, type Event } from "#proto/events_pb.ts";
import { toOzError } from "#core/errors.ts";
import type { Client } from "../client.ts";
import type { Io } from "../io.ts";
import { newCommand, type OutputFormat, runs, wholeNumber, withOutput } from "../command.ts";
import { resumed } from "../resumed.ts";
import { clockTime } from "../output/ages.ts";
import { printMessage } from "../output/format.ts";
import { pad } from "../output/table.ts";
import { type Session, untilInterrupted } from "../session.ts";

/** Most events that the control plane lists at once. */
const mostListed = 1000;

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
  for (const event of listed.events) await show(event);
  await untilInterrupted(io, async (signal) => {
    for await (const event of eventsFrom(io, client, listed.events.at(-1)?.sequence ?? 0n, signal))
      if (subject === "" || event.subject === subject) await show(event);
  });
  return 0;
}

/**
 * Events after one, as they come. When the control plane no longer keeps what came next, or its history is another one, it says so on
 * standard error and goes on with what is kept.
 */
async function* eventsFrom(io: Io, client: Client, sequence: bigint, signal: AbortSignal): AsyncGenerator<Event, void> {
  let after = sequence;
  let heard = true;
  for (;;) {
    const open = (stop: AbortSignal) => client.stream(EventsService.method.watchEvents, { afterSequence: after }, stop);
    try {
      for await (const { event } of resumed(io, signal, open)) {
        if (event === undefined) continue;
        [after, heard] = [event.sequence, true];
        yield event;
      }
      return;
    } catch (error) {
      if (signal.aborted || !heard || toOzError(error).code !== "cursor_too_old") throw error;
      heard = false;
      io.err("Some events are no longer kept; going on with those that are.\n");
      const { events: kept } = await client.call(EventsService.method.listEvents, { limit: mostListed });
      const newest = kept.at(-1)?.sequence ?? 0n;
      for (const event of kept) if (newest < after || event.sequence > after) yield event;
      after = newest;
    }
  }
}

/** "14:02:11  replica.ready    instance/tiny-llm  ready after 1.8 s". */
export function eventLine(event: Event, nowMs: number, wide = false): string {
  const by = wide && event.actor !== "" ? `  by ${event.actor}` : "";
  return (
    `${clockTime(event.at, nowMs)}  ${pad(event.kind, 16)}  ${pad(event.subject, 18)}  ${event.message}${by}`.trimEnd() +
    "\n"
  );
}
