// Runs the store writer, ends it, and compares what it acknowledged with what a fresh start finds.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { sql } from "kysely";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { openStore } from "../../controlplane/store/open-store.ts";
import { listProjects } from "../../controlplane/store/projects.ts";

const program = join(import.meta.dirname, "store-writer.ts");

export type Writer = {
  readonly process: ChildProcess;
  /** Names acknowledged so far. */
  readonly acknowledged: string[];
  /** From spawn to ready, in milliseconds. */
  readonly readyMs: number;
  stderr(): string;
  /** Ends it the hard way and waits until it is gone. */
  kill(): Promise<void>;
  /** Resolves with the exit code when it ends by itself. Rejects after 10 s. */
  exit(): Promise<number | null>;
};

/** Starts a writer; resolves when its store is open. Throws with its message when it ends before. */
export async function startWriter(dir: string, mode: "full" | "normal", env: NodeJS.ProcessEnv = {}): Promise<Writer> {
  const started = performance.now();
  const child = spawn(process.execPath, [program, dir, mode], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const acknowledged: string[] = [];
  const ready = Promise.withResolvers<number>();
  let rest = "";
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "ready") ready.resolve(performance.now() - started);
      else acknowledged.push(line);
    }
  });
  const closed = once(child, "close", { signal: AbortSignal.timeout(60_000) }) as Promise<[number | null]>;
  closed.then(
    () => ready.reject(new Error(`the writer ended: ${errors}`)),
    () => child.kill("SIGKILL"),
  );
  const readyMs = await ready.promise;
  return {
    process: child,
    acknowledged,
    readyMs,
    stderr: () => errors,
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
    async exit() {
      const late = AbortSignal.timeout(10_000);
      const code =
        child.exitCode ?? ((await once(child, "exit", { signal: late }).catch(() => [null])) as [number | null])[0];
      child.kill("SIGKILL");
      await closed;
      return code;
    },
  };
}

/** What a fresh start finds: names in the database. Throws when a commit is there by half or the file is damaged. */
export async function whatIsThere(dir: string): Promise<Set<string>> {
  const onFatal = (error: Error) => {
    throw error;
  };
  await using store = await openStore({ dir, clock: systemClock, random: randomBytes, log: quietLog, onFatal });
  return await store.read(async (read) => {
    const names = (await listProjects(read)).map((row) => row.name);
    const events = (await read.selectFrom("events").select("subject").where("kind", "=", "test").execute()).map(
      (row) => row.subject,
    );
    const starts = await read.selectFrom("incarnations").select("incarnation").execute();
    const check = (await sql<{ integrity_check: string }>`pragma integrity_check`.execute(read)).rows[0]
      ?.integrity_check;
    if (check !== "ok") throw new Error(`integrity_check: ${check}`);
    if (new Set(events).size !== names.length || events.some((name) => !names.includes(name)))
      throw new Error("a commit is there by half");
    if (store.revision !== names.length + starts.length) {
      throw new Error(`revision ${store.revision}, but ${names.length} commits and ${starts.length} starts`);
    }
    return new Set(names);
  });
}

export function missing(acknowledged: Iterable<string>, found: ReadonlySet<string>): string[] {
  return [...acknowledged].filter((name) => !found.has(name));
}
