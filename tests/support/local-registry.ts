// An image registry on 127.0.0.1 for tests: Debian's docker-registry, with a password.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:net";
import { killAll } from "./process-tree.ts";
import { mustRun, runCommand } from "./run-command.ts";
import { waitUntil } from "./wait-until.ts";

export type LocalRegistry = {
  /** "127.0.0.1:PORT", as it stands in image names. */
  readonly address: string;
  /** A login file in the form of Docker's config.json. */
  readonly loginFile: string;
  /** Puts an image of the machine's engine into the registry under `ADDRESS/name`; returns that name. The engine forgets it again. */
  push(image: string, name: string): Promise<string>;
  /** Ends it: nothing listens on its address any more. What was pushed stays. */
  stop(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
  dispose(): Promise<void>;
};

const user = "tester";
const password = "correct-horse";

/** Installs docker-registry and htpasswd when they are missing. */
export async function localRegistry(): Promise<LocalRegistry> {
  await install("docker-registry", "docker-registry");
  await install("htpasswd", "apache2-utils");
  const folder = await mkdtemp(join(tmpdir(), "ozwald-registry-"));
  const address = `127.0.0.1:${await freePort()}`;
  await writeFile(join(folder, "htpasswd"), `${await mustRun(["htpasswd", "-nbB", user, password])}\n`);
  await writeFile(join(folder, "config.yml"), configuration(folder, address));
  const loginFile = join(folder, "config.json");
  const auth = Buffer.from(`${user}:${password}`).toString("base64");
  await writeFile(loginFile, JSON.stringify({ auths: { [address]: { auth } } }));
  let pid = 0;
  const start = async () => {
    pid = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" }).pid ?? 0;
    await waitUntil("the registry answers", async () => (await fetch(`http://${address}/v2/`)).status === 401);
  };
  const stop = () => killAll([pid].filter((each) => each > 0));
  await start();
  return {
    address,
    loginFile,
    start,
    stop,
    async push(image, name) {
      const full = `${address}/${name}`;
      await mustRun(["docker", "tag", image, full]);
      await mustRun(["docker", "--config", folder, "push", "-q", full]);
      await mustRun(["docker", "rmi", full]);
      return full;
    },
    async dispose() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, address: string): string {
  return `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${join(folder, "data")} } }
http: { addr: "${address}" }
auth: { htpasswd: { realm: test, path: ${join(folder, "htpasswd")} } }
`;
}

async function install(program: string, debianPackage: string): Promise<void> {
  if ((await runCommand(["sh", "-c", `command -v ${program}`])).code === 0) return;
  await mustRun(["apt-get", "install", "-y", "-qq", debianPackage], { timeoutMs: 180_000 });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
