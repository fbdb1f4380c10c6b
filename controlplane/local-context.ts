// Writes the admin context of the person who starts the control plane, so that ozctl works at once. The file holds a token: 0600.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Clock } from "#core/clock.ts";
import type { RandomBytes } from "#core/ids.ts";
import { mintApiToken, verifyApiToken } from "./auth/tokens.ts";
import { insertToken } from "./store/tokens.ts";
import type { Store } from "./store/store.ts";

export type LocalContext = { name: string; address: string; caPem: string; token: string };

const name = "local";

export function configDir(env: NodeJS.ProcessEnv): string {
  return env["OZWALD_CONFIG_DIR"] ?? join(homedir(), ".config", "ozwald");
}

/** Keeps a context that still works; otherwise makes an admin token and writes a new one. Returns its path. */
export async function ensureLocalContext(options: {
  store: Store;
  clock: Clock;
  random: RandomBytes;
  dir: string;
  address: string;
  caPem: string;
}): Promise<string> {
  const { store, clock, random, dir, address, caPem } = options;
  const path = join(dir, "contexts", `${name}.json`);
  const present = readContext(path);
  const works = present !== undefined && present.caPem === caPem && (await isGood(store, present.token, clock.now()));
  if (works && present.address === address) return path;
  let token = works ? present.token : "";
  if (!works) {
    const minted = mintApiToken(random);
    token = minted.token;
    await store.commit(undefined, ({ trx }) =>
      insertToken(trx, {
        id: minted.id,
        secret_hash: minted.secretHash,
        name,
        role: "admin",
        created_at: clock.now(),
        expires_at: null,
      }),
    );
  }
  writeContext(dir, path, { name, address, caPem, token });
  return path;
}

async function isGood(store: Store, token: string, now: number): Promise<boolean> {
  return (await store.read((read) => verifyApiToken(read, token, now))) !== undefined;
}

function readContext(path: string): LocalContext | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LocalContext;
  } catch {
    return undefined;
  }
}

function writeContext(dir: string, path: string, context: LocalContext): void {
  mkdirSync(join(dir, "contexts"), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, `${JSON.stringify(context, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
  try {
    writeFileSync(join(dir, "current"), `${name}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    // Somebody chose a context before: their choice stays.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
