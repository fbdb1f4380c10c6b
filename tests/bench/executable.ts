// How large the one executable is, as it lies on the disk and as it travels.
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { quietLog } from "#core/log.ts";
import { createDownloads, xzProgram } from "../../controlplane/install/downloads.ts";
import type { Bench, Figure } from "./bench.ts";
import { rounded } from "./samples.ts";

export const executable: Bench = {
  name: "executable",
  about: "Size of `dist/ozwald`, which holds every program, and of what a host downloads.",
  async run({ quick, progress }) {
    const path = resolve(import.meta.dirname, "../../dist/ozwald");
    const figures: Figure[] = [{ what: "executable", value: megabytes(statSync(path).size), unit: "MB", atMost: 116 }];
    const folder = await mkdtemp(join(tmpdir(), "ozwald-downloads-"));
    try {
      await using downloads = createDownloads({ dir: folder, executable: path, target: "linux", log: quietLog });
      progress("making the gz");
      const { gz } = await downloads.offer();
      figures.push({ what: "download, gz", value: megabytes(gz.size), unit: "MB", note: "for hosts without xz" });
      if (quick) return { conditions: {}, figures };
      progress("making the xz");
      const began = performance.now();
      await downloads.settled();
      const { xz } = await downloads.offer();
      if (xz === undefined) throw new Error("there is no xz on this machine");
      figures.push(
        { what: "download", value: megabytes(xz.size), unit: "MB", atMost: 30, note: "xz, what most hosts fetch" },
        {
          what: "making it",
          value: rounded((performance.now() - began) / 1000),
          unit: "s",
          note: "once, niced, one core",
        },
      );
      return { conditions: { packedWith: xzProgram.join(" ") }, figures };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function megabytes(bytes: number): number {
  return rounded(bytes / 1e6);
}
