// The agent of this machine, asked over its own socket, which only root may open.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../contexts.ts";
import type { AgentHere } from "./facts.ts";

const stateDir = "/var/lib/ozwald/agent";
const askMs = 2_000;

/** Undefined on a machine that has not joined, and for who may not look. Never throws. */
export async function readAgent(env: Environment): Promise<AgentHere | undefined> {
  const folder = env["OZWALD_AGENT_STATE"] || stateDir;
  const identity = readIdentity(join(folder, "identity.json"));
  if (identity === undefined) return undefined;
  const { hostId, name: host, address: controlPlane } = identity;
  try {
    const says = readStatus(await ask(join(folder, "agent.sock")));
    return { hostId, host, controlPlane: says.controlPlane, says };
  } catch (error) {
    return { hostId, host, controlPlane, silence: (error as Error).message };
  }
}

type Identity = { readonly hostId: string; readonly name: string; readonly address: string };

function readIdentity(file: string): Identity | undefined {
  try {
    const { hostId, name, address } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    return typeof hostId === "string" ? { hostId, name: String(name), address: String(address) } : undefined;
  } catch {
    return undefined;
  }
}

/** What `ozwald-agent status -o json` prints, as far as it is told here. */
function readStatus(text: string): NonNullable<AgentHere["says"]> & { readonly controlPlane: string } {
  const status = JSON.parse(text) as Record<string, unknown>;
  const word = (key: string) => (typeof status[key] === "string" ? status[key] : "");
  return {
    controlPlane: word("control_plane"),
    link: word("link"),
    linkReason: word("link_reason"),
    engineProblem: word("engine_problem"),
  };
}

function ask(socketPath: string): Promise<string> {
  const http = process.getBuiltinModule("node:http");
  return new Promise((resolve, reject) => {
    const options = { socketPath, path: "/", agent: false, signal: AbortSignal.timeout(askMs) };
    const request = http.get(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.once("error", reject);
      response.once("end", () => resolve(text));
    });
    request.once("error", reject);
  });
}
