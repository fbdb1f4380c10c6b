// A program to kill: opens the store of a directory, commits as fast as it can and says each name that was acknowledged.
// Usage: node store-writer.ts DIR full|normal. normal takes away what makes a commit survive a power cut.
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { sql } from "kysely";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { openStore } from "../../controlplane/store/open-store.ts";
import { upsertProject } from "../../controlplane/store/projects.ts";

/** Commits in flight at once. */
const writers = 8;
/** As the control plane does it: the disk failed, so end, and recover by starting again. */
const diskFailed = 70;

async function main(dir: string, mode: string): Promise<void> {
  const onFatal = () => process.exit(diskFailed);
  const store = await openStore({ dir, clock: systemClock, random: randomBytes, log: quietLog, onFatal });
  if (mode === "normal") await store.read((read) => sql`pragma synchronous = normal`.execute(read));
  say("ready");
  let count = 0;
  const write = async (): Promise<never> => {
    for (;;) {
      const name = `${store.incarnation}-${++count}`;
      await store.commit(undefined, async ({ trx, event }) => {
        await upsertProject(trx, { name, files: "x".repeat(500), settings: "{}", applied_at: count });
        await event({ kind: "test", subject: name, message: "written" });
      });
      say(name);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
}

/** In the pipe when it returns, so that a kill cannot take back what was said. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

main(process.argv[2] ?? "", process.argv[3] ?? "").catch((error: unknown) => {
  writeSync(2, `${error instanceof Error ? `${error.message}` : String(error)}\n`);
  process.exit(1);
});
