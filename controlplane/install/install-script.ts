// The install script for one control plane: its address, its key and the sums of its files written into the text.
import { OzError } from "#core/errors.ts";

/** What the script is told; every value becomes one quoted word of the shell. */
export type ScriptValues = {
  /** "agent" downloads and joins; "controlplane" takes the file beside it (scripts/install). */
  readonly ROLE: "agent" | "controlplane";
  readonly VERSION: string;
  /** "linux-x64". */
  readonly TARGET: string;
  /** Printed address of the control plane; empty for the role controlplane. */
  readonly ADDRESS: string;
  /** SHA-256 of the server's public key, base64. */
  readonly PIN: string;
  /** File name below ADDRESS/dist/, or a path of this machine. */
  readonly FILE: string;
  /** SHA-256 of FILE, hex. */
  readonly FILE_SHA256: string;
  /** SHA-256 of the same as .xz, hex; empty when there is only FILE. */
  readonly XZ_SHA256: string;
  /** SHA-256 of the executable, hex. */
  readonly SHA256: string;
};

/** Replaces each @KEY@. Throws internal when the text asks for something else. */
export function fillScript(template: string, values: ScriptValues): string {
  return template.replace(/@([A-Z][A-Z0-9_]*)@/g, (_all, key: string) => {
    if (!Object.hasOwn(values, key)) throw new OzError("internal", `the install script asks for @${key}@`);
    return shellWord(values[key as keyof ScriptValues]);
  });
}

/**
 * The line for another machine. curl compares the server's key before it sends or receives anything, whatever the certificate says. It goes
 * without a proxy, as the agent will.
 */
export function installLine(address: string, pin: string, token: string): string {
  return `curl -fsSk --noproxy '*' --pinnedpubkey 'sha256//${pin}' ${shellWord(`${address}/install`, true)} | sh -s -- --token ${token}`;
}

/** The line that fetches ozctl's npm package, without a proxy, as ozctl will; without quotes of any one shell: Windows has to understand it too. */
export function packageLine(address: string, pin: string): string {
  const url = `${address}/dist/ozctl.tgz`;
  const quoted = /^[A-Za-z0-9:/._-]+$/.test(url) ? url : `"${url}"`;
  return `curl -fsSk --noproxy "*" --pinnedpubkey sha256//${pin} -o ozctl.tgz ${quoted}`;
}

function shellWord(text: string, bareIfSafe = false): string {
  if (bareIfSafe && /^[A-Za-z0-9:/._-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
