// Contexts: which control planes this person knows, one 0600 file each, and which one is meant now.
import { existsSync, readdirSync, readFileSync, mkdirSync, rmSync, statSync, writeFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join, win32 } from "node:path";
import { OzError } from "#core/errors.ts";
import { isName, suggestion } from "#core/names.ts";

/** How to reach one control plane. Written by the control plane's first start as `contexts/<name>.json`. */
export type Context = {
  name: string;
  /** "https://HOST:PORT", "unix:/path/of/socket", or "http://127.0.0.1:PORT" (loopback only). */
  address: string;
  /** Certificate of the cluster's authority, PEM; the only one that is trusted. */
  caPem?: string;
  /** Bearer token. */
  token?: string;
};

export type Environment = Readonly<Record<string, string | undefined>>;

const defaultSocket = "/run/ozwald/control.sock";

/** Folder of the contexts: $OZWALD_CONFIG_DIR, else ~/.config/ozwald, on Windows %APPDATA%\ozwald. */
export function configFolder(env: Environment, platform: NodeJS.Platform = process.platform): string {
  const asked = env["OZWALD_CONFIG_DIR"];
  if (asked) return asked;
  if (platform !== "win32") return join(env["HOME"] || homedir(), ".config", "ozwald");
  return win32.join(env["APPDATA"] || win32.join(env["USERPROFILE"] || homedir(), "AppData", "Roaming"), "ozwald");
}

/** Names of every context, sorted. */
export function contextNames(env: Environment): string[] {
  const folder = join(configFolder(env), "contexts");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.map((file) => file.slice(0, -".json".length)).sort();
}

/** The context chosen by `context use`; undefined when none was. */
export function currentContextName(env: Environment): string | undefined {
  const file = join(configFolder(env), "current");
  return existsSync(file) ? readFileSync(file, "utf8").trim() || undefined : undefined;
}

/** Makes a context the one that is used from now on. Throws not_found with a suggestion. */
export function useContext(env: Environment, name: string): void {
  readContext(env, name);
  const file = join(configFolder(env), "current");
  mkdirSync(configFolder(env), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${name}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Reads one context by name. Throws not_found or bad_request. */
export function readContext(env: Environment, name: string): Context {
  const names = contextNames(env);
  if (!isName(name) || !names.includes(name)) {
    const hint = suggestion(name, names) || "None is known here. The first start of a control plane writes one.";
    throw new OzError("not_found", `There is no context "${name}".`, { hint: `${hint}  ozctl context ls` });
  }
  const file = join(configFolder(env), "contexts", `${name}.json`);
  return { ...parseContext(file), name };
}

/** Writes a context, 0600; one of that name is replaced whole. */
export function writeContext(env: Environment, { name, address, caPem, token }: Context): void {
  const folder = join(configFolder(env), "contexts");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${name}.json`);
  const temporary = `${file}.${process.pid}`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, `${JSON.stringify({ name, address, caPem, token }, null, 2)}\n`, {
    mode: 0o600,
    flag: "wx",
  });
  renameSync(temporary, file);
}

/** True when others than the owner may read the file of a context. Windows has no modes; there the folder is the user's own. */
export function isExposed(env: Environment, name: string, platform: NodeJS.Platform = process.platform): boolean {
  if (platform === "win32") return false;
  return (statSync(join(configFolder(env), "contexts", `${name}.json`)).mode & 0o077) !== 0;
}

function parseContext(file: string): Omit<Context, "name"> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new OzError("bad_request", `${file} cannot be read: ${(error as Error).message}.`, {
      cause: error,
      hint: "Repair or remove it.",
    });
  }
  const { address, caPem, token } = (value ?? {}) as Record<string, unknown>;
  if (typeof address !== "string" || address === "") {
    throw new OzError("bad_request", `${file} holds no address.`, { hint: "Repair or remove it." });
  }
  return { address, ...(typeof caPem === "string" && { caPem }), ...(typeof token === "string" && { token }) };
}

/**
 * The context that is meant: the one asked for, else $OZWALD_CONTEXT, else the current one, else the only one, else the local socket
 * ($OZWALD_SOCKET or /run/ozwald/control.sock; control planes run on Linux only). Undefined when no control plane is known here. Throws
 * not_found for one that does not exist, bad_request when there are several to choose from.
 */
export function findContext(
  env: Environment,
  asked?: string,
  platform: NodeJS.Platform = process.platform,
): Context | undefined {
  const name = asked || env["OZWALD_CONTEXT"] || currentContextName(env);
  if (name) return readContext(env, name);
  const names = contextNames(env);
  if (names.length === 1) return readContext(env, names[0]!);
  const socket = localSocket(env);
  if (platform === "linux" && existsSync(socket)) return { name: "local", address: `unix:${socket}` };
  if (names.length > 1) {
    throw new OzError("bad_request", `Several control planes are known here: ${names.join(", ")}.`, {
      hint: `Choose one:  ozctl context use ${names[0]}`,
    });
  }
  return undefined;
}

/** Says that no control plane is known here, and how one gets known. */
export function noContext(env: Environment, platform: NodeJS.Platform = process.platform): OzError {
  return new OzError(
    "not_found",
    `No control plane is known here: no context in ${configFolder(env, platform)}${platform === "linux" ? ` and no socket at ${localSocket(env)}` : ""}.`,
    {
      hint: `${platform === "linux" ? "On its own machine run ozctl as root. From another one:" : "Get to know one:"}  ozctl login https://HOST:7443 --ca-sha256 …  (ozctl token create NAME, there, prints the line)`,
    },
  );
}

function localSocket(env: Environment): string {
  return env["OZWALD_SOCKET"] || defaultSocket;
}
