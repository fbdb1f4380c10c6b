// The forms for programs: proto JSON with every field, the same as YAML, and bare names.
import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { OutputFormat } from "../command.ts";
import type { Io } from "../io.ts";

/** Prints a message as json or yaml. True when the format was one of these, so nothing else is to be printed. */
export async function printMessage<S extends DescMessage>(
  io: Io,
  format: OutputFormat | undefined,
  schema: S,
  message: MessageShape<S>,
  oneLine = false,
): Promise<boolean> {
  if (format !== "json" && format !== "yaml") return false;
  await printValue(io, format, toJson(schema, message, { alwaysEmitImplicit: true }), oneLine);
  return true;
}

/** Prints a plain value as json or yaml. oneLine is for streams of values. */
export async function printValue(io: Io, format: "json" | "yaml", value: unknown, oneLine = false): Promise<void> {
  if (format === "json") return io.out(`${JSON.stringify(value, null, oneLine ? undefined : 2)}\n`);
  const { stringify } = await import("yaml");
  io.out(`${oneLine ? "---\n" : ""}${stringify(value)}`);
}

/** Prints names, one a line. */
export function printNames(io: Io, names: readonly string[]): void {
  io.out(names.map((name) => `${name}\n`).join(""));
}
