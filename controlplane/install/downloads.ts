// The executable as others download it: compressed once, kept under the hash of its content, and checked when it is found again.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Log } from "#core/log.ts";
import { privateDirectory, syncPath } from "../store/durable-file.ts";

export type Download = {
  /** File name in the address: "ozwald-linux-x64.gz". */
  readonly name: string;
  readonly path: string;
  /** Bytes to download. */
  readonly size: number;
  /** SHA-256 of what is downloaded, hex. */
  readonly sha256: string;
};

export type Offer = {
  /** SHA-256 of the executable inside, hex. */
  readonly executableSha256: string;
  /** Every machine can unpack this one. */
  readonly gz: Download;
  /** A third smaller; undefined until it is made, and where the machine has no program `xz`. */
  readonly xz: Download | undefined;
};

export type Downloads = AsyncDisposable & {
  /** The first call makes the gz (about 5 s of one core) and starts the xz (about a minute of one core that nobody else wants), on which
   *  no call waits. A call after a failure tries again. */
  offer(): Promise<Offer>;
  /** Resolves when no xz is in the making. */
  settled(): Promise<void>;
};

export type DownloadsOptions = {
  /** Made with mode 0700 when missing; holds nothing that cannot be made again. */
  readonly dir: string;
  readonly executable: string;
  /** System and processor: "linux-x64". */
  readonly target: string;
  readonly log: Log;
  /** Command line that compresses its standard input. */
  readonly xz?: readonly string[];
};

type Kind = "gz" | "xz";
type Packer = (from: FileHandle, to: string) => Promise<string>;

/** One thread needs 95 MB here and 9 MB to unpack. No filter for machine code (1 MB less): busybox cannot undo it. */
export const xzProgram: readonly string[] = ["nice", "-n", "19", "xz", "-6", "-T1", "-c"];

const xzLimitMs = 30 * 60_000;

export function createDownloads(options: DownloadsOptions): Downloads {
  const { xz = xzProgram, log } = options;
  const closing = new AbortController();
  let made: Promise<{ executableSha256: string; gz: Download }> | undefined;
  let small: Download | undefined;
  let making: Promise<void> = Promise.resolve();
  const makeSmall = async (executableSha256: string) => {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(xzLimitMs)]);
    try {
      small = await makeDownload(options, executableSha256, "xz", (from, to) => packWith(xz, from, to, signal));
    } catch (error) {
      if (!closing.signal.aborted) log.warn({ err: error }, "no xz to download; hosts get the larger gz");
    }
  };
  const makeAll = async () => {
    const executableSha256 = await sha256Of(options.executable);
    const kept = await sweep(options, executableSha256);
    const gz = kept.gz ?? (await makeDownload(options, executableSha256, "gz", gzip));
    small = kept.xz;
    if (small === undefined) making = makeSmall(executableSha256);
    return { executableSha256, gz };
  };
  return {
    async offer() {
      // Somebody may have cleaned up meanwhile.
      if (made !== undefined && !existsSync((await made).gz.path)) made = undefined;
      if (made === undefined) {
        made = making.then(makeAll);
        made.catch(() => (made = undefined));
      }
      const offer = await made;
      return { ...offer, xz: small !== undefined && existsSync(small.path) ? small : undefined };
    },
    settled: () => making,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await made?.catch(() => {});
      await making;
    },
  };
}

const prefixOf = (executableSha256: string): string => `${executableSha256.slice(0, 32)}-`;

function found(path: string, sha256: string, kind: Kind, target: string): Download {
  return { name: `ozwald-${target}.${kind}`, path, sha256, size: statSync(path).size };
}

/** What is whole and of this executable; everything else in the folder goes. */
async function sweep(options: DownloadsOptions, executableSha256: string): Promise<Partial<Record<Kind, Download>>> {
  const { dir, target } = options;
  privateDirectory(dir);
  const kept: Partial<Record<Kind, Download>> = {};
  for (const file of readdirSync(dir)) {
    const path = join(dir, file);
    const kind = (["gz", "xz"] as const).find((one) => file.endsWith(`.${one}`));
    const sha256 = kind !== undefined && file.startsWith(prefixOf(executableSha256)) ? await sha256Of(path) : "";
    if (kind !== undefined && file === `${prefixOf(executableSha256)}${sha256}.${kind}`)
      kept[kind] = found(path, sha256, kind, target);
    else rmSync(path, { force: true, recursive: true });
  }
  return kept;
}

async function makeDownload(
  options: DownloadsOptions,
  executableSha256: string,
  kind: Kind,
  pack: Packer,
): Promise<Download> {
  const { dir, executable, target } = options;
  const partial = join(dir, `${prefixOf(executableSha256)}${process.pid}.${kind}.partial`);
  const from = await open(executable);
  try {
    const sha256 = await pack(from, partial);
    const path = join(dir, `${prefixOf(executableSha256)}${sha256}.${kind}`);
    syncPath(partial);
    renameSync(partial, path);
    return found(path, sha256, kind, target);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    await from.close();
  }
}

/** Passes everything on; `sum` is the SHA-256 of it afterwards. */
function hashing(): { tap: Transform; sum(): string } {
  const hash = createHash("sha256");
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { tap, sum: () => hash.digest("hex") };
}

const gzip: Packer = async (from, to) => {
  const { tap, sum } = hashing();
  const source = from.createReadStream({ highWaterMark: 2 ** 20, autoClose: false });
  await pipeline(source, createGzip({ level: 6 }), tap, createWriteStream(to, { mode: 0o600 }));
  return sum();
};

/** Its output comes through here, so that it ends with this program, however that ends. */
async function packWith(
  [program = "", ...argv]: readonly string[],
  from: FileHandle,
  to: string,
  signal: AbortSignal,
): Promise<string> {
  const { tap, sum } = hashing();
  const child = spawn(program, argv, { stdio: [from.fd, "pipe", "ignore"], signal, killSignal: "SIGKILL" });
  const { promise: ended, resolve, reject } = Promise.withResolvers<string>();
  child.once("exit", (code, killedBy) => resolve(killedBy ?? `exit code ${code}`));
  // Also said when the signal came; the end comes then, too.
  child.once("error", (error) => child.pid === undefined && reject(error));
  // The first of three kinds of stdio hides from the types that the second is a pipe.
  const packed = child.stdout as Readable;
  // Both have ended before anything is thrown: a file must not appear after it was removed.
  const [, written] = await Promise.allSettled([ended, pipeline(packed, tap, createWriteStream(to, { mode: 0o600 }))]);
  const end = await ended;
  if (end !== "exit code 0") throw new Error(`${program} ${argv.join(" ")} ended with ${end}`);
  if (written.status === "rejected") throw written.reason;
  return sum();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}
