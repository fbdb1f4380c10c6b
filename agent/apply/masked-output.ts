// Output without secrets: what comes in pieces is held back only as far as a secret may have begun in it.
import { mask, secretTexts } from "#core/secret.ts";
import type { OutputSink } from "./engine.ts";

export type MaskedSink = OutputSink & {
  /** Gives what was held back. Call it at the end of the output. */
  end(): Promise<void>;
};

/** A sink in front of another one that replaces each value, and each line of a value of several lines, in both outputs. */
export function maskedSink(sink: OutputSink, values: readonly string[]): MaskedSink {
  // Texts with one character per byte: pieces may be cut within a character.
  const secrets = secretTexts(values).map((value) => Buffer.from(value).toString("latin1"));
  const [stdout, stderr] = [createMasker(secrets), createMasker(secrets)];
  const give = async (to: "stdout" | "stderr", bytes: Uint8Array) => {
    if (bytes.length > 0) await sink[to](bytes);
  };
  return {
    stdout: (bytes) => give("stdout", stdout.push(bytes)),
    stderr: (bytes) => give("stderr", stderr.push(bytes)),
    async end() {
      await give("stdout", stdout.end());
      await give("stderr", stderr.end());
    },
  };
}

const maskBytes = Buffer.from(mask).toString("latin1");

function createMasker(secrets: readonly string[]): { push(bytes: Uint8Array): Uint8Array; end(): Uint8Array } {
  let held = "";
  const masked = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, maskBytes), text);
  return {
    push(bytes) {
      if (secrets.length === 0) return bytes;
      const text = masked(held + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"));
      const from = text.length - openLength(text, secrets);
      held = text.slice(from);
      return Buffer.from(text.slice(0, from), "latin1");
    },
    end() {
      const rest = Buffer.from(held, "latin1");
      held = "";
      return rest;
    },
  };
}

/** Length of the longest end of the text with which a secret begins. */
function openLength(text: string, secrets: readonly string[]): number {
  let longest = 0;
  for (const secret of secrets) {
    for (let length = Math.min(secret.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(secret.slice(0, length))) longest = length;
    }
  }
  return longest;
}
