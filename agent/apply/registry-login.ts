// Credentials for a registry, read on the host at the moment of a pull. They are never kept, logged or sent anywhere else.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { OzError } from "#core/errors.ts";

/** What Docker takes in X-Registry-Auth. */
export type RegistryAuth = { username?: string; password?: string; identitytoken?: string; serveraddress: string };

type LoginFile = {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
};

const helperTimeoutMs = 10_000;
const helperName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * Credentials for a registry: from the file that the settings name for it, else from fallbackFile (the host's own Docker config).
 * Undefined when there are none. Throws registry_refused when a named file, or what a login program says, cannot be used.
 */
export async function registryAuth(
  registry: string,
  logins: readonly { registry: string; file: string }[],
  fallbackFile: string,
): Promise<RegistryAuth | undefined> {
  const named = logins.find((login) => sameRegistry(login.registry, registry));
  const file = named?.file ?? fallbackFile;
  const text = await readFile(file, "utf8").catch((thrown: NodeJS.ErrnoException) => {
    if (named === undefined) return undefined;
    throw unusable(registry, file, thrown.code === "ENOENT" ? "it does not exist on this host" : thrown.message);
  });
  if (text === undefined) return undefined;
  const auth = await authFrom(parseLoginFile(text, registry, file), registry);
  if (auth === undefined && named !== undefined) throw unusable(registry, file, `it has no entry for ${registry}`);
  return auth;
}

function parseLoginFile(text: string, registry: string, file: string): LoginFile {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as LoginFile;
  } catch {
    // The words of JSON.parse quote the text, which holds secrets.
  }
  throw unusable(registry, file, "it is not a Docker config.json");
}

async function authFrom(file: LoginFile, registry: string): Promise<RegistryAuth | undefined> {
  const [key, entry] = Object.entries(file.auths ?? {}).find(([name]) => sameRegistry(name, registry)) ?? [];
  if (entry !== undefined && (entry.auth || entry.identitytoken || entry.username)) {
    const [username, password] = entry.auth ? splitAuth(entry.auth) : [entry.username ?? "", entry.password ?? ""];
    if (entry.identitytoken) return { username, identitytoken: entry.identitytoken, serveraddress: registry };
    return { username, password, serveraddress: registry };
  }
  const helper = file.credHelpers?.[registry] ?? file.credsStore;
  return helper === undefined ? undefined : askHelper(helper, key ?? hubKeyOr(registry), registry);
}

/** Docker keeps logins in programs of their own where a host is set up so: docker-credential-<name> get. */
async function askHelper(helper: string, key: string, registry: string): Promise<RegistryAuth | undefined> {
  if (!helperName.test(helper)) return undefined;
  const output = await runHelper(`docker-credential-${helper}`, key);
  if (output === undefined) return undefined;
  const { Username: username, Secret: secret } = parseHelperAnswer(output, helper, registry);
  if (!username || !secret) return undefined;
  if (username === "<token>") return { identitytoken: secret, serveraddress: registry };
  return { username, password: secret, serveraddress: registry };
}

function parseHelperAnswer(output: string, helper: string, registry: string): { Username?: string; Secret?: string } {
  try {
    const parsed: unknown = JSON.parse(output);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // As with the login file: the words of JSON.parse quote what the helper said.
  }
  const program = `docker-credential-${helper}`;
  throw new OzError("registry_refused", `The login program ${program} for ${registry} did not answer with JSON.`, {
    hint: `Try it on this host: echo ${registry} | ${program} get   Then: docker login ${registry}`,
  });
}

function runHelper(program: string, input: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, ["get"], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: helperTimeoutMs,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stdin.on("error", () => {});
    child.on("error", () => resolve(undefined));
    child.on("close", (code) => resolve(code === 0 ? output : undefined));
    child.stdin.end(input);
  });
}

function splitAuth(auth: string): [string, string] {
  const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** Docker Hub goes by several names, of which config.json uses the oldest. */
function sameRegistry(a: string, b: string): boolean {
  return plainRegistry(a) === plainRegistry(b);
}

function plainRegistry(name: string): string {
  const host = name.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
  return ["index.docker.io", "registry-1.docker.io", "docker.io", "hub.docker.com"].includes(host) ? "docker.io" : host;
}

function hubKeyOr(registry: string): string {
  return registry === "docker.io" ? "https://index.docker.io/v1/" : registry;
}

function unusable(registry: string, file: string, why: string): OzError {
  return new OzError("registry_refused", `The login file ${file} for ${registry} cannot be used: ${why}.`, {
    hint: `On this host: docker login ${registry}, then name its config.json under registries: in the settings.`,
  });
}
