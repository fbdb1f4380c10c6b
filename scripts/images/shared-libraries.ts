// Which shared libraries of this machine a set of programs needs: asked from the loader, never assumed by path.

import { OzError } from "#core/errors.ts";
import { tryCommand } from "../lib/run-command.ts";

/** Paths in the output of `ldd`, without those the kernel provides. Throws when one is missing. */
export function parseLdd(output: string): string[] {
  const missing = [...output.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1]);
  if (missing.length > 0) {
    throw new OzError("precondition", `shared libraries are missing here: ${[...new Set(missing)].join(", ")}`, {
      hint: "apt-get install libstdc++6 libatomic1",
    });
  }
  return [...output.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)/gm)].map((match) => match[1] as string);
}

/** Every library outside `except` that the files need, the loader itself included; sorted, each once. */
export async function sharedLibrariesOf(files: readonly string[], except: string): Promise<string[]> {
  const result = await tryCommand("ldd", files, { timeoutMs: 60_000 });
  if (result.code !== 0) {
    throw new OzError("precondition", `ldd could not read ${files.length} files: ${result.stderr.trim()}`, {
      hint: "a glibc system is needed to build this image (Debian, Ubuntu, Fedora …)",
    });
  }
  return [...new Set(parseLdd(result.stdout))].filter((path) => !path.startsWith(except)).sort();
}
