// The checksum of a file, read in pieces.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { OzError } from "#core/errors.ts";

/** Hexadecimal SHA-256. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** What to throw when a file is not the one it should be. */
export function wrongChecksum(what: string, found: string, expected: string): OzError {
  return new OzError("failed", `${what} has the checksum ${found}, expected ${expected}; it was not used`, {
    hint: "try again; if it stays so, the file was changed on the way or at its source",
  });
}
