// Reads a text file that a person named, up to a size.
import { isUtf8 } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { OzError } from "#core/errors.ts";
import { maxFileBytes } from "#core/settings/limits.ts";
import { formatBytes } from "#core/units.ts";

/**
 * Text of a file. Throws bad_request that says why it cannot be read, also for what is no UTF-8 or holds NUL (UTF-16 does), limit for one
 * of more than maxBytes (1 MiB).
 */
export function readText(
  path: string,
  shown: string,
  { namedBy, maxBytes = maxFileBytes }: { namedBy?: string; maxBytes?: number } = {},
): string {
  const where = namedBy === undefined ? "" : ` It is the env_file named in ${basename(namedBy)}.`;
  const bytes = readUpTo(path, maxBytes + 1, (why, cause) => {
    throw new OzError("bad_request", `${shown} ${why}.${where}`, { hint: `Looked for ${path}.`, cause });
  });
  if (bytes.length > maxBytes)
    throw new OzError("limit", `${shown} has more than ${formatBytes(maxBytes)}.${where}`, {
      hint: "Is it the right file? Settings can be split into several.",
    });
  const wrong = lineThatIsNoText(bytes);
  if (wrong === undefined) return bytes.toString("utf8");
  throw new OzError("bad_request", `${shown} is not UTF-8 text: see line ${wrong}.${where}`, {
    hint: "Save it as UTF-8.",
  });
}

/** The first one, from 1; undefined when all is text. Read as UTF-8 all the same, such bytes would become other characters. */
function lineThatIsNoText(bytes: Buffer): number | undefined {
  if (isUtf8(bytes) && !bytes.includes(0)) return undefined;
  for (let [line, from] = [1, 0]; ; line++) {
    const end = bytes.indexOf("\n", from);
    const text = bytes.subarray(from, end < 0 ? bytes.length : end);
    if (!isUtf8(text) || text.includes(0) || end < 0) return line;
    from = end + 1;
  }
}

/** The first bytes of a file, without asking its size: a device or a pipe has none. */
function readUpTo(path: string, most: number, fail: (why: string, cause: unknown) => never): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    for (let read = -1; read !== 0 && length < most; length += read) {
      const chunk = Buffer.allocUnsafe(Math.min(65_536, most - length));
      read = readSync(file, chunk);
      chunks.push(chunk.subarray(0, read));
    }
    return Buffer.concat(chunks);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "does not exist"
        : code === "EISDIR"
          ? "is a folder"
          : code === "EACCES"
            ? "may not be read"
            : `cannot be read (${code})`;
    return fail(why, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
