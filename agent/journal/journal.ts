// The agent's memory on disk: the last accepted set, and what it remembers of each replica. One JSON file, replaced as a whole
// (temporary file, fsync, rename, fsync of the folder), so that a crash leaves the old one or the new one.
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "#core/clock.ts";
import { OzError, toOzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import type { Obeyed } from "../plan/accept.ts";
import type { ReplicaMemory } from "../plan/memory.ts";
import { decodeJournal, emptyRecord, encodeJournal, type JournalRecord } from "./journal-text.ts";

export type Journal = {
  obeyed(): Obeyed;
  memory(): ReadonlyMap<string, ReplicaMemory>;
  /** Boot id of the machine when the journal was opened before; empty the first time. */
  readonly previousBootId: string;
  /** Makes a set the obeyed one. On disk when it resolves; when it throws, the former set stays. */
  accept(obeyed: Obeyed): Promise<void>;
  /** Keeps a replica's memory (undefined drops it). Written soon: what a crash loses is found again on the containers. */
  remember(replicaId: string, memory: ReplicaMemory | undefined): void;
  /** Writes what waits. */
  flush(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type JournalOptions = {
  /** Folder of the agent's state; made when it is not there. */
  readonly dir: string;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called right before and after each write; tests break it there. */
  readonly hook?: (point: "journal" | "journaled") => Promise<void> | void;
};

const fileName = "journal.json";
/** Memory is written at most this often. */
const settleMs = 200;
const retryMs = 5_000;

/** Opens the journal. One that cannot be read is set aside and an empty one begins: what runs keeps running until somebody names it. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { dir, clock, log } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  let record = await readRecord(dir, log);
  const previousBootId = record.bootId;
  record = { ...record, bootId: options.bootId };
  let dirty = previousBootId !== options.bootId;
  let timer: Timer | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function writeNow(change: (before: JournalRecord) => JournalRecord): Promise<void> {
    const next = change(record);
    await options.hook?.("journal");
    await replaceFile(dir, encodeJournal(next));
    // Memory may have moved on meanwhile; only the change is taken over.
    record = change(record);
    await options.hook?.("journaled");
  }

  /** Writes are one after the other; each writes the newest state plus its change. */
  function write(change: (before: JournalRecord) => JournalRecord): Promise<void> {
    const mine = writing.then(() => writeNow(change));
    writing = mine.catch(() => {});
    return mine;
  }

  async function flush(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    if (!dirty) return writing;
    dirty = false;
    try {
      await write((before) => before);
    } catch (error) {
      dirty = true;
      log.warn({ err: toOzError(error), retryMs }, `the journal in ${dir} could not be written; trying again`);
      timer ??= clock.after(retryMs, () => void flush());
    }
  }

  return {
    previousBootId,
    obeyed: () => record.obeyed,
    memory: () => record.memory,
    async accept(obeyed) {
      try {
        await write((before) => ({ ...before, obeyed }));
      } catch (error) {
        throw writeError(error, dir);
      }
    },
    remember(replicaId, memory) {
      if (record.memory.get(replicaId) === memory) return;
      const map = new Map(record.memory);
      if (memory === undefined) map.delete(replicaId);
      else map.set(replicaId, memory);
      record = { ...record, memory: map };
      dirty = true;
      timer ??= clock.after(settleMs, () => void flush());
    },
    flush,
    async [Symbol.asyncDispose]() {
      await flush();
      timer?.cancel();
    },
  };
}

async function readRecord(dir: string, log: Log): Promise<JournalRecord> {
  const path = join(dir, fileName);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return emptyRecord;
    throw new OzError("internal", `the journal ${path} cannot be read: ${toOzError(error).message}`, {
      hint: "Look at the owner and the rights of the state folder, and at the disk.",
      cause: error,
    });
  }
  try {
    return decodeJournal(text);
  } catch (error) {
    const aside = `${path}.unreadable`;
    await rename(path, aside);
    log.error(
      { err: toOzError(error), aside },
      "the journal is damaged; it was set aside. What runs keeps running until the control plane names it",
    );
    return emptyRecord;
  }
}

async function replaceFile(dir: string, text: string): Promise<void> {
  const path = join(dir, fileName);
  const temporary = `${path}.new`;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  const folder = await open(dir, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function writeError(error: unknown, dir: string): OzError {
  const { code, message } = toOzError(error);
  const hint = code === "disk_full" ? `Free some space under ${dir}.` : `Look at the disk and the rights of ${dir}.`;
  return new OzError(code, `the journal in ${dir} could not be written: ${message}; the former set stays`, {
    hint,
    cause: error,
  });
}
