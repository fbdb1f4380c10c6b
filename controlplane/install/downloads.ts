// The executable as others download it: compressed once, kept under the hash of its content, and checked when it is found again.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { privateDirectory, syncPath } from "../store/durable-file.ts";

export type Download = {
  /** File name in the address: "ozwald-linux-x64.gz". */
  readonly name: string;
  readonly path: string;
  /** Bytes to download. */
  readonly size: number;
  /** SHA-256 of what is downloaded, hex. */
  readonly sha256: string;
  /** SHA-256 of the executable inside, hex. */
  readonly executableSha256: string;
};

/** Answers the same download every time; the first call makes it (about 5 s of one core), and a call after a failure tries again. */
export type Downloads = () => Promise<Download>;

/** dir: made with mode 0700 when missing; holds nothing that cannot be made again. */
export function createDownloads(options: { dir: string; executable: string; target: string }): Downloads {
  let made: Promise<Download> | undefined;
  return async () => {
    // Somebody may have cleaned up meanwhile.
    if (made !== undefined && !existsSync((await made).path)) made = undefined;
    if (made === undefined) {
      made = makeDownload(options);
      made.catch(() => (made = undefined));
    }
    return made;
  };
}

async function makeDownload(options: { dir: string; executable: string; target: string }): Promise<Download> {
  const { dir, executable, target } = options;
  privateDirectory(dir);
  const executableSha256 = await sha256Of(executable);
  const prefix = `${executableSha256.slice(0, 32)}-`;
  const found = (path: string, sha256: string): Download => ({
    ...{ name: `ozwald-${target}.gz`, path, sha256, executableSha256 },
    size: statSync(path).size,
  });
  let kept: Download | undefined;
  for (const file of readdirSync(dir)) {
    const path = join(dir, file);
    const sha256 = file.startsWith(prefix) && file.endsWith(".gz") ? await sha256Of(path) : undefined;
    if (sha256 !== undefined && file === `${prefix}${sha256}.gz`) kept = found(path, sha256);
    else rmSync(path, { force: true, recursive: true });
  }
  if (kept !== undefined) return kept;
  const partial = join(dir, `${basename(prefix)}${process.pid}.partial`);
  try {
    const sha256 = await compress(executable, partial);
    const path = join(dir, `${prefix}${sha256}.gz`);
    syncPath(partial);
    renameSync(partial, path);
    return found(path, sha256);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/** Returns the SHA-256 of what was written. */
async function compress(from: string, to: string): Promise<string> {
  const hash = createHash("sha256");
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(
    createReadStream(from, { highWaterMark: 2 ** 20 }),
    createGzip({ level: 6 }),
    tap,
    createWriteStream(to, { mode: 0o600 }),
  );
  return hash.digest("hex");
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}
