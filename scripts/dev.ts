// `npm run dev`: a control plane and an agent from source on this machine, with a key that is for development only.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const state = process.env["OZWALD_DEV_DIR"] ?? path.join(homedir(), ".local", "state", "ozwald-dev");
const env = {
  ...process.env,
  OZWALD_CONFIG_DIR: path.join(state, "config"),
  OZWALD_SOCKET: path.join(state, "control.sock"),
  OZWALD_SYSTEM_KEY: process.env["OZWALD_SYSTEM_KEY"] ?? "dev-secret",
};
const children: ChildProcess[] = [];

function run(program: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [path.join(root, program), ...args], { env, stdio: "inherit" });
  child.on("exit", (code) => {
    if (code !== 0 && code !== null) stop(code);
  });
  children.push(child);
  return child;
}

function ozctl(...args: string[]): string | undefined {
  const done = spawnSync(process.execPath, [path.join(root, "cli/ozctl.ts"), ...args], { env, encoding: "utf8" });
  return done.status === 0 ? done.stdout : undefined;
}

function stop(code: number): void {
  for (const child of children) child.kill("SIGTERM");
  process.exitCode = code;
}

async function main(): Promise<void> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop(0));
  run(
    "controlplane/ozwald-controlplane.ts",
    "run",
    "--state",
    path.join(state, "controlplane"),
    "--listen",
    "127.0.0.1:7443",
  );
  const deadline = Date.now() + 20_000;
  while (ozctl("ps") === undefined) {
    if (Date.now() > deadline || process.exitCode !== undefined)
      throw new Error("the control plane did not come up; its lines are above");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const agentState = path.join(state, "agent");
  if (!existsSync(path.join(agentState, "identity.json"))) {
    const invite = JSON.parse(ozctl("host", "invite", "-o", "json") ?? "{}") as { token: string; address: string };
    const joined = spawnSync(
      process.execPath,
      [path.join(root, "agent/ozwald-agent.ts"), "join", invite.address, "--token", "-", "--state", agentState],
      { env, input: invite.token, encoding: "utf8" },
    );
    if (joined.status !== 0) throw new Error(`the agent did not join: ${joined.stderr}`);
  }
  run("agent/ozwald-agent.ts", "run", "--state", agentState);
  process.stdout.write(
    `\nState in ${state}. In another terminal:\n  export OZWALD_CONFIG_DIR=${env.OZWALD_CONFIG_DIR}\n  node cli/ozctl.ts ps\n\n`,
  );
}

await main();
