// Output of containers: followed with backpressure, or the last lines of it.
import { StringDecoder } from "node:string_decoder";
import type { DockerCalls, DockerStream } from "./docker-call.ts";
import { dockerError } from "./docker-errors.ts";
import type { LogOptions, OutputSink } from "./engine.ts";
import { maskedSink } from "./masked-output.ts";
import { FrameSplitter } from "./output-frames.ts";

/** Longer than opening may take, so that an engine that is silent is told as such. */
const tailTimeoutMs = 15_000;
/** Longer lines are cut in a tail: it is shown to people. */
const longestLine = 4_000;

/** Copies output into the sink; waits for the sink before it reads on. Resolves at the end of the output or when the signal aborts. */
export async function copyLogs(
  calls: DockerCalls,
  id: string,
  options: LogOptions,
  sink: OutputSink,
  signal: AbortSignal,
): Promise<void> {
  const context = { doing: `read the output of ${id}` };
  if (signal.aborted) return;
  const opened = await openLogs(calls, id, options, signal).catch((thrown: unknown) => {
    if (!signal.aborted) throw dockerError(thrown, context);
    return undefined;
  });
  if (opened === undefined) return;
  const { stream, close } = opened;
  const splitter = new FrameSplitter();
  try {
    for await (const chunk of stream) {
      for (const piece of splitter.push(chunk as Uint8Array)) {
        if (signal.aborted) return;
        await sink[piece.stream](piece.bytes);
      }
    }
  } catch (thrown) {
    if (!signal.aborted) throw dockerError(thrown, context);
  } finally {
    close();
  }
}

function openLogs(calls: DockerCalls, id: string, options: LogOptions, signal: AbortSignal): Promise<DockerStream> {
  return calls.open({ doing: `read the output of ${id}` }, signal, {
    method: "GET",
    path: `/containers/${encodeURIComponent(id)}/logs`,
    query: {
      stdout: true,
      stderr: true,
      follow: options.follow,
      timestamps: options.timestamps,
      tail: options.tail > 0 ? options.tail : "all",
    },
  });
}

/** Last lines of both outputs, in the order they were completed, the hidden values masked before lines are cut; what came within 15 s. */
export async function tailLines(
  calls: DockerCalls,
  id: string,
  lines: number,
  hidden: readonly string[] = [],
): Promise<string[]> {
  if (lines <= 0) return [];
  const expired = new AbortController();
  const timer = calls.clock.after(tailTimeoutMs, () => expired.abort());
  const collector = createTail(lines);
  const sink = maskedSink(collector.sink, hidden);
  try {
    await copyLogs(calls, id, { follow: false, tail: lines, timestamps: false }, sink, expired.signal);
    await sink.end();
  } finally {
    timer.cancel();
  }
  return collector.end();
}

/** Keeps the last lines of what it is given. */
export function createTail(limit: number): { sink: OutputSink; end(): string[] } {
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line.replace(/\r$/, "").slice(0, longestLine));
    if (lines.length > limit) lines.shift();
  };
  const outputs = { stdout: createLines(keep), stderr: createLines(keep) };
  return {
    sink: { stdout: (bytes) => outputs.stdout.write(bytes), stderr: (bytes) => outputs.stderr.write(bytes) },
    end() {
      outputs.stdout.end();
      outputs.stderr.end();
      return lines;
    },
  };
}

function createLines(keep: (line: string) => void) {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return {
    write(bytes: Uint8Array) {
      const parts = (rest + decoder.write(Buffer.from(bytes))).split("\n");
      // An endless line without a line feed must not grow in memory.
      rest = (parts.pop() ?? "").slice(0, longestLine);
      for (const part of parts) keep(part);
    },
    end() {
      if (rest !== "") keep(rest);
    },
  };
}
