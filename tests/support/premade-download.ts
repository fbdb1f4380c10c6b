// Saves a test the minute in which a control plane makes what hosts download: the same file, packed fast instead of small.
import { mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "./run-command.ts";

/** Puts it where a control plane with that state looks when it starts. Returns its size in bytes. */
export async function premadeDownload(executable: string, stateDir: string): Promise<number> {
  const folder = join(stateDir, "dist");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const partial = join(folder, "premade.partial");
  await mustRun(["sh", "-c", 'xz -0 -T2 -c <"$1" >"$2"', "sh", executable, partial], { timeoutMs: 120_000 });
  const sum = async (path: string) => (await mustRun(["sha256sum", path])).slice(0, 64);
  const path = join(folder, `${(await sum(executable)).slice(0, 32)}-${await sum(partial)}.xz`);
  await rename(partial, path);
  return (await stat(path)).size;
}
