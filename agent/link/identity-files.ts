// The identity of a host on its disk: agent.key, agent.pem, ca.pem and identity.json, each replaced whole or not at all.
// identity.json is written last: without it the host has not joined.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { OzError, toOzError } from "#core/errors.ts";

export type HostIdentity = {
  readonly hostId: string;
  readonly name: string;
  readonly clusterId: string;
  /** Control plane: "https://10.0.0.5:7443". */
  readonly address: string;
  /** All its addresses as it said them last, best first; empty when it named none. */
  readonly addresses: readonly string[];
  readonly keyPem: string;
  readonly certPem: string;
  readonly caPem: string;
};

const files = { key: "agent.key", cert: "agent.pem", ca: "ca.pem", identity: "identity.json" } as const;

/** Identity of this host; undefined when it has not joined. Finishes a renewal that a crash cut in two. Throws precondition when files are damaged. */
export async function loadIdentity(stateDir: string): Promise<HostIdentity | undefined> {
  const text = await read(stateDir, files.identity);
  if (text === undefined) return undefined;
  const [keyPem, caPem, certPem] = [
    await read(stateDir, files.key),
    await read(stateDir, files.ca),
    await currentCertificate(stateDir),
  ];
  const facts = parseFacts(text);
  if (keyPem === undefined || caPem === undefined || certPem === undefined || facts === undefined) {
    throw new OzError(
      "precondition",
      `the identity of this host in ${stateDir} is damaged: ${Object.values(files).join(", ")} belong together`,
      {
        hint: "Join again with a new token: `ozctl host invite`, after moving the folder away. Containers keep running.",
      },
    );
  }
  return { ...facts, keyPem, certPem, caPem };
}

/** Writes the key of an identity to come: a disk that is full or closed is noticed before a token is used up. */
export async function saveKey(stateDir: string, keyPem: string): Promise<void> {
  await prepareStateDir(stateDir);
  await writeWhole(stateDir, files.key, keyPem);
}

/** Removes a key that got no certificate. */
export async function discardKey(stateDir: string): Promise<void> {
  await rm(join(stateDir, files.key), { force: true });
}

/** Writes a new identity; identity.json comes last. */
export async function saveIdentity(stateDir: string, identity: HostIdentity): Promise<void> {
  const { keyPem, certPem, caPem } = identity;
  await prepareStateDir(stateDir);
  await rm(join(stateDir, `${files.cert}.next`), { force: true });
  await writeWhole(stateDir, files.key, keyPem);
  await writeWhole(stateDir, files.cert, certPem);
  await writeWhole(stateDir, files.ca, caPem);
  await saveAddresses(stateDir, identity);
}

/** Replaces the addresses of an identity that is there; key and certificates stay. */
export async function saveAddresses(stateDir: string, identity: Facts): Promise<void> {
  const { hostId, name, clusterId, address, addresses } = identity;
  const more = addresses.length === 0 ? {} : { addresses };
  await writeWhole(
    stateDir,
    files.identity,
    `${JSON.stringify({ hostId, name, clusterId, address, ...more }, null, 2)}\n`,
  );
}

/**
 * Replaces key and certificate together. The new certificate waits as agent.pem.next until the key has its name, so that
 * after a crash at any point one of the two certificates fits the key.
 */
export async function replaceKeyPair(stateDir: string, keyPem: string, certPem: string): Promise<void> {
  await writeWhole(stateDir, `${files.cert}.next`, certPem);
  await writeWhole(stateDir, files.key, keyPem);
  await rename(join(stateDir, `${files.cert}.next`), join(stateDir, files.cert));
  await syncFolder(stateDir);
}

async function prepareStateDir(stateDir: string): Promise<void> {
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw toOzError(error, "precondition");
  }
}

async function currentCertificate(stateDir: string): Promise<string | undefined> {
  const keyPem = await read(stateDir, files.key);
  if (keyPem === undefined) return undefined;
  for (const name of [files.cert, `${files.cert}.next`]) {
    const certPem = await read(stateDir, name);
    if (certPem === undefined || !certificateFits(keyPem, certPem)) continue;
    if (name !== files.cert) await rename(join(stateDir, name), join(stateDir, files.cert));
    return certPem;
  }
  return undefined;
}

/** True when the certificate is for the key. */
export function certificateFits(keyPem: string, certPem: string): boolean {
  try {
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

type Facts = Pick<HostIdentity, "hostId" | "name" | "clusterId" | "address" | "addresses">;

function parseFacts(text: string): Facts | undefined {
  try {
    const facts = JSON.parse(text) as Partial<Record<keyof Facts, unknown>>;
    const { hostId, name, clusterId, address, addresses = [] } = facts;
    if (
      typeof hostId !== "string" ||
      typeof name !== "string" ||
      typeof clusterId !== "string" ||
      typeof address !== "string" ||
      !Array.isArray(addresses)
    )
      return undefined;
    const told = addresses.filter((one): one is string => typeof one === "string");
    return { hostId, name, clusterId, address, addresses: told };
  } catch {
    return undefined;
  }
}

async function read(stateDir: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(stateDir, name), "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw toOzError(error, "precondition");
  }
}

/** Temporary file, fsync, rename, fsync of the folder. Mode 0600. */
async function writeWhole(stateDir: string, name: string, text: string): Promise<void> {
  const path = join(stateDir, name);
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(stateDir);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw toOzError(error, "precondition");
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
