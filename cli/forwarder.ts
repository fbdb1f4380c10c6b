// Connections to one instance through the control plane. Many of them share an HTTP/2 connection, and few share too many.
import { create } from "@bufbuild/protobuf";
import { OzError, toOzError } from "#core/errors.ts";
import { ForwardService, type ForwardStart, ForwardStartSchema, type ForwardTarget } from "#proto/forward_pb.ts";
import type { BidiClient } from "./bidi-client.ts";
import { ForwardStream } from "./forward-stream.ts";
import type { Session } from "./session.ts";
import { parseNameArgument } from "./spec-argument.ts";

export type Forwarder = {
  /** The replica that was ready when this was opened. */
  readonly target: ForwardTarget;
  /** A new connection; it may reach another replica than the one before. Throws what connectionError gives, cancelled after close(). */
  connect(): Promise<ForwardStream>;
  /** Resolves when the control plane answers, whatever that is; throws unavailable or timeout. */
  answers(signal: AbortSignal): Promise<void>;
  /** Ends every connection, those that are being made too. */
  close(): void;
};

/** A control plane takes 128 streams on one connection. */
const streamsPerConnection = 100;

/** written: NAME, GROUP:NAME or NAME#SLOT. remotePort: port inside the container, 0 for the one of the settings. Throws when nothing is ready. */
export async function openForwarder(session: Session, written: string, remotePort = 0): Promise<Forwarder> {
  const { group, name, slot } = parseNameArgument(written);
  const start = create(ForwardStartSchema, {
    instance: name,
    group,
    containerPort: remotePort,
    ...(slot !== undefined && { slot }),
  });
  const client = await session.client();
  const find = (signal?: AbortSignal) =>
    client.call(ForwardService.method.findTarget, { start }, signal === undefined ? {} : { signal });
  const { target } = await find();
  if (target === undefined) throw new OzError("precondition", `${written} has no replica that is ready.`);
  return {
    target,
    ...connections(session, start),
    async answers(signal) {
      await find(signal).catch((error: unknown) => {
        const { code } = toOzError(error);
        if (code === "unavailable" || code === "timeout" || code === "cancelled") throw error;
      });
    },
  };
}

type Line = { readonly client: BidiClient; streams: number };

function connections(session: Session, start: ForwardStart): Pick<Forwarder, "connect" | "close"> {
  const lines: Line[] = [];
  let opening: Promise<Line> | undefined;
  const end = new AbortController();

  async function openLine(): Promise<Line> {
    const { openBidiClient } = await import("./bidi-client.ts");
    const line: Line = { client: await openBidiClient(session.context(), end.signal), streams: 0 };
    lines.push(line);
    return line;
  }

  /** A connection with a place that is taken now: nobody else may count on it. */
  async function takePlace(): Promise<Line> {
    for (;;) {
      const free = lines.find(({ streams }) => streams < streamsPerConnection);
      if (free !== undefined) {
        free.streams++;
        return free;
      }
      opening ??= openLine().finally(() => (opening = undefined));
      await opening;
    }
  }

  return {
    async connect() {
      const line = await takePlace();
      const stream = new ForwardStream(line.client, start);
      stream.once("close", () => line.streams--);
      return stream;
    },
    close() {
      end.abort();
      for (const { client } of lines) client.close();
    },
  };
}
