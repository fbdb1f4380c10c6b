// Lines of several replicas in one stream: each whole line begins with its slot.
import { StringDecoder } from "node:string_decoder";
import type { Io } from "../io.ts";

export type LinePart = { slot: number; data: Uint8Array; stderr: boolean };

/** A line that does not end is written all the same once it has this many characters. */
const longestLine = 65_536;

/** Writes parts as "0 | line". end() writes what has no line end yet. */
export function linePrefixer(io: Io): { write(part: LinePart): void; end(): void } {
  const open = new Map<string, { slot: number; stderr: boolean; rest: string; decoder: StringDecoder }>();
  const put = (stream: { slot: number; stderr: boolean }, line: string) => {
    (stream.stderr ? io.err : io.out)(`${stream.slot} | ${line}\n`);
  };
  return {
    write({ slot, data, stderr }) {
      const key = `${slot} ${stderr}`;
      const stream = open.get(key) ?? { slot, stderr, rest: "", decoder: new StringDecoder("utf8") };
      open.set(key, stream);
      const lines = (stream.rest + stream.decoder.write(Buffer.from(data))).split("\n");
      stream.rest = lines.pop() ?? "";
      for (const line of lines) put(stream, line);
      if (stream.rest.length > longestLine) {
        put(stream, stream.rest);
        stream.rest = "";
      }
    },
    end() {
      for (const stream of open.values()) if (stream.rest !== "") put(stream, stream.rest);
      open.clear();
    },
  };
}
