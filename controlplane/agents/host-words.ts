// What a host says, made fit to be kept and shown. Who has one host must reach nobody's terminal, and spoil no answer about the others.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { plainLine } from "#core/plain-text.ts";

/** Characters of the longest text that is taken. */
const longestText = 4_000;

/** Last second that JSON can name: the end of the year 9999. */
const lastSecond = 253_402_300_799n;

/** Makes every text one line of plain characters and leaves out times that no answer could tell, in place. Gives the message. */
export function fit<T>(said: T): T {
  if (typeof said !== "object" || said === null || said instanceof Uint8Array) return said;
  const fields = said as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string" && name !== "$typeName") fields[name] = plainLine(value.slice(0, longestText));
    else if (isTime(value) && !canBeTold(value)) delete fields[name];
    else fit(value);
  }
  return said;
}

function isTime(value: unknown): value is Timestamp {
  return (value as Partial<Timestamp> | null | undefined)?.$typeName === "google.protobuf.Timestamp";
}

function canBeTold({ seconds, nanos }: Timestamp): boolean {
  return seconds >= 0n && seconds <= lastSecond && nanos >= 0 && nanos < 1e9;
}
