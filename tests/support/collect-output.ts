// A sink that remembers, for tests.
import type { OutputSink } from "../../agent/apply/engine.ts";

export type CollectedOutput = OutputSink & { readonly out: string; readonly err: string };

export function collectOutput(): CollectedOutput {
  const chunks = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  return {
    stdout: (bytes) => void chunks.stdout.push(bytes.slice()),
    stderr: (bytes) => void chunks.stderr.push(bytes.slice()),
    get out() {
      return Buffer.concat(chunks.stdout).toString("utf8");
    },
    get err() {
      return Buffer.concat(chunks.stderr).toString("utf8");
    },
  };
}
