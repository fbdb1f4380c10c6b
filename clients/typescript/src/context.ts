// How to reach a control plane: the files that its first start writes and that ozctl uses.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export type Context = {
  readonly name: string;
  /** "https://HOST:PORT". */
  readonly address: string;
  /** Certificate of the cluster's authority, PEM; the only one that is trusted. */
  readonly caPem: string;
  /** Bearer token. */
  readonly token: string;
};

/** Reads a context. Default: $OZWALD_CONTEXT, else the one that `ozctl context use` chose, else "local". */
export function readContext(name?: string): Context {
  const folder = process.env["OZWALD_CONFIG_DIR"] || join(homedir(), ".config", "ozwald");
  const chosen = name || process.env["OZWALD_CONTEXT"] || currentName(join(folder, "current")) || "local";
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(chosen)) throw new Error(`${JSON.stringify(chosen)} is no name of a context`);
  const file = join(folder, "contexts", `${chosen}.json`);
  const { address, caPem, token } = JSON.parse(readFileSync(file, "utf8")) as Partial<Context>;
  if (address === undefined || caPem === undefined || token === undefined) throw new Error(`${file} lacks address, caPem or token`);
  if (!address.startsWith("https://")) throw new Error(`${file}: ${address} is no https address`);
  return { name: chosen, address, caPem, token };
}

function currentName(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
