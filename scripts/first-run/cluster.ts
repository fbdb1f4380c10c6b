// Steps 3 and 4: a control plane and an agent of this machine, running in the background. Each is left alone when it runs already.

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { OzError } from "#core/errors.ts";
import { runCommand, tryCommand } from "../lib/run-command.ts";
import { endProcesses, findProcesses, isOutdated, startInBackground, waitFor } from "./background-process.ts";
import { canListen, freePort } from "./free-port.ts";
import { type Made, readMade, recordMade } from "./made.ts";
import { type Places, program } from "./places.ts";

const TLS_PORT = 7443;
const REST_PORT = 8000;

export function controlPlaneCommand(places: Places): string[] {
  return [program("ozwald-controlplane"), "run", "--state", places.controlPlaneState];
}

export function agentCommand(places: Places): string[] {
  return [program("ozwald-agent"), "run", "--state", places.agentState];
}

/** Environment in which ozctl finds this control plane and nothing of the user's own is overwritten. */
export function clusterEnvironment(places: Places): NodeJS.ProcessEnv {
  const folder = readMade(places.made).configFolder ?? "";
  return { ...process.env, OZWALD_CONTEXT: "local", ...(folder === "" ? {} : { OZWALD_CONFIG_DIR: folder }) };
}

export async function ozctlJson<T>(places: Places, ...args: string[]): Promise<T | undefined> {
  const result = await tryCommand(program("ozctl"), [...args, "-o", "json"], {
    env: clusterEnvironment(places),
    timeoutMs: 20_000,
  });
  // `status` exits with 1 when one of its checks fails, and still answers.
  return result.stdout.startsWith("{") ? (JSON.parse(result.stdout) as T) : undefined;
}

/** Returns the lines to show. */
export async function ensureControlPlane(places: Places): Promise<string[]> {
  const command = controlPlaneCommand(places);
  if (findProcesses(command).some(isOutdated)) await endProcesses(command);
  if (findProcesses(command).length === 0) {
    const made = await choosePorts(places);
    const flags = [
      "--listen",
      `0.0.0.0:${made.tlsPort}`,
      "--rest",
      `127.0.0.1:${made.restPort}`,
      "--socket",
      places.socket,
    ];
    startInBackground([...command, ...flags], places.controlPlaneLog, clusterEnvironment(places));
  }
  const status = await waitFor({
    what: "the control plane",
    timeoutMs: 30_000,
    log: places.controlPlaneLog,
    ask: () => ozctlJson<{ clusterId: string }>(places, "status"),
    alive: () => findProcesses(command).length > 0,
  });
  const { tlsPort, restPort } = recordMade(places.made, { cluster: status.clusterId });
  const lines = [`control plane  https://127.0.0.1:${tlsPort}`, `http://127.0.0.1:${restPort} (this machine only)`];
  return [...lines, ...portsNote(tlsPort, restPort)];
}

/** Ports stay the same between runs: the agent and every invitation know the address. */
async function choosePorts(places: Places): Promise<Made> {
  const before = readMade(places.made);
  const configFolder = before.configFolder ?? ownConfigFolder(places);
  if (before.tlsPort !== undefined && !(await canListen("0.0.0.0", before.tlsPort))) {
    throw new OzError(
      "port_taken",
      `port ${before.tlsPort}, which this quickstart used before, is taken by another program`,
      {
        hint: "end that program, or begin anew: ./scripts/quickstart --down && ./scripts/quickstart",
      },
    );
  }
  const tlsPort = before.tlsPort ?? (await freePort("0.0.0.0", TLS_PORT));
  const keepRest = before.restPort !== undefined && (await canListen("127.0.0.1", before.restPort));
  const restPort = keepRest ? before.restPort : await freePort("127.0.0.1", REST_PORT, [tlsPort]);
  return recordMade(places.made, { tlsPort, ...(restPort === undefined ? {} : { restPort }), configFolder });
}

/** The user's own folder, unless they already have a context called local: that one is not ours to replace. */
function ownConfigFolder(places: Places): string {
  const users = process.env["OZWALD_CONFIG_DIR"] ?? join(homedir(), ".config", "ozwald");
  return existsSync(join(users, "contexts", "local.json")) ? join(places.state, "config") : "";
}

function portsNote(tlsPort: number | undefined, restPort: number | undefined): string[] {
  const taken = [tlsPort === TLS_PORT ? "" : String(TLS_PORT), restPort === REST_PORT ? "" : String(REST_PORT)];
  const named = taken.filter((port) => port !== "");
  if (named.length === 0) return [];
  return [`${named.join(" and ")} ${named.length > 1 ? "were" : "was"} taken, so the next free one was used`];
}

type Hosts = { hosts: { name: string; state: string }[] };

/** Joins once, runs the agent, waits until the control plane sees it. Returns the line to show. */
export async function ensureAgent(places: Places): Promise<string> {
  const command = agentCommand(places);
  const env = clusterEnvironment(places);
  const isNew = !existsSync(join(places.agentState, "identity.json"));
  if (isNew) {
    const invite = await ozctlJson<{ token: string }>(places, "host", "invite");
    if (invite === undefined) throw new OzError("failed", "the control plane gave no invitation for this machine");
    const address = `https://127.0.0.1:${readMade(places.made).tlsPort}`;
    const join = ["join", address, "--state", places.agentState];
    await runCommand(program("ozwald-agent"), join, {
      env: { ...env, OZWALD_JOIN_TOKEN: invite.token },
      timeoutMs: 60_000,
    });
  }
  if (findProcesses(command).some(isOutdated)) await endProcesses(command);
  if (findProcesses(command).length === 0) startInBackground(command, places.agentLog, env);
  const host = await waitFor({
    what: "the agent",
    timeoutMs: 60_000,
    log: places.agentLog,
    ask: async () => {
      const answer = await ozctlJson<Hosts>(places, "hosts");
      return answer?.hosts.find((one) => one.state === "HOST_STATE_ONLINE");
    },
    alive: () => findProcesses(command).length > 0,
  });
  return `agent          ${host.name} ${isNew ? "joined" : "is there"}`;
}
