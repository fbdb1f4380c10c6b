// A real agent for a test: joined to the test's control plane, on the machine's container engine, gone afterwards with what it made.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProgram, startProgram } from "./background-program.ts";
import type { TestControlPlane } from "./control-plane.ts";
import { programArgv } from "./programs.ts";
import { type CommandResult, mustRun, runCommand } from "./run-command.ts";
import { waitUntil } from "./wait-until.ts";

export type TestAgent = {
  readonly program: BackgroundProgram;
  readonly stateDir: string;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Runs ozctl against the test's control plane. Never throws for a failure of ozctl. */
export function ozctl(controlPlane: TestControlPlane, ...args: string[]): Promise<CommandResult> {
  return runCommand(controlPlane.enter([...programArgv("ozctl"), ...args]), {
    env: controlPlane.env,
    timeoutMs: 120_000,
  });
}

/** Invites a host, joins it and waits until it is online. Disposing removes its containers and networks. */
export async function startAgent(controlPlane: TestControlPlane, name: string): Promise<TestAgent> {
  const stateDir = await mkdtemp(join(tmpdir(), "ozwald-agent-"));
  const cluster = await clusterId(controlPlane);
  let program: BackgroundProgram | undefined;
  async function dispose(): Promise<void> {
    await program?.stop();
    await removeTraces(cluster);
    await rm(stateDir, { recursive: true, force: true });
  }
  try {
    const { code, stdout, stderr } = await ozctl(controlPlane, "host", "invite", "--name", name, "-o", "json");
    if (code !== 0) throw new Error(`ozctl host invite: ${stderr}`);
    const { address, token } = JSON.parse(stdout) as { address: string; token: string };
    const agent = (...words: string[]) => controlPlane.enter([...programArgv("ozwald-agent"), ...words]);
    await mustRun(agent("join", address, "--token", "-", "--state", stateDir), { input: token });
    const started = startProgram(agent("run", "--state", stateDir));
    program = started;
    await waitUntil(`${name} is online`, () => isOnline(controlPlane, name), 30_000, 200).catch((cause: unknown) => {
      throw new Error(`The agent did not come up:\n${started.output()}`, { cause });
    });
    return { program: started, stateDir, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function isOnline(controlPlane: TestControlPlane, name: string): Promise<boolean> {
  const { stdout } = await ozctl(controlPlane, "hosts", "-o", "json");
  return stdout.includes(name) && /online/i.test(stdout);
}

async function clusterId(controlPlane: TestControlPlane): Promise<string> {
  const { stdout, stderr } = await ozctl(controlPlane, "status", "-o", "json");
  const id = /"cluster_?id":\s*"([^"]+)"/i.exec(stdout)?.[1];
  if (id === undefined) throw new Error(`ozctl status names no cluster: ${stdout}${stderr}`);
  return id;
}

/** Only what carries this cluster's label. */
async function removeTraces(cluster: string): Promise<void> {
  const filter = `label=ozwald.cluster=${cluster}`;
  const containers = await mustRun(["docker", "ps", "-aq", "--filter", filter]);
  if (containers !== "") await runCommand(["docker", "rm", "-f", ...containers.split("\n")]);
  const networks = await mustRun(["docker", "network", "ls", "-q", "--filter", filter]);
  if (networks !== "") await runCommand(["docker", "network", "rm", ...networks.split("\n")]);
  const volumes = await mustRun(["docker", "volume", "ls", "-q", "--filter", filter]);
  if (volumes !== "") await runCommand(["docker", "volume", "rm", ...volumes.split("\n")]);
}
