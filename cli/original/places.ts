// Where a provisioner of this machine keeps things, and the ports it took: all of it under one folder.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "../contexts.ts";

export type Places = {
  /** $OZWALD_PROVISIONER_DIR, else /var/lib/ozwald for root and ~/.local/state/ozwald for others. */
  readonly state: string;
  readonly controlPlaneState: string;
  readonly controlPlaneLog: string;
  readonly agentState: string;
  readonly agentLog: string;
  readonly socket: string;
  /** What start_provisioner chose. */
  readonly chosen: string;
};

export function provisionerPlaces(env: Environment, isRoot: boolean): Places {
  const own = env["XDG_STATE_HOME"] || join(env["HOME"] || homedir(), ".local", "state");
  const state = env["OZWALD_PROVISIONER_DIR"] || (isRoot ? "/var/lib/ozwald" : join(own, "ozwald"));
  return {
    state,
    controlPlaneState: join(state, "controlplane"),
    controlPlaneLog: join(state, "controlplane.log"),
    agentState: join(state, "agent"),
    agentLog: join(state, "agent.log"),
    socket: join(state, "control.sock"),
    chosen: join(state, "provisioner.json"),
  };
}

export type Chosen = {
  readonly apiPort: number;
  readonly tlsPort: number;
  /** Folder of ozctl's contexts; empty for the person's own. */
  readonly configFolder: string;
};

/** What start_provisioner chose last; undefined when it never ran here, or the file cannot be read. */
export function readChosen(places: Places): Chosen | undefined {
  try {
    const { apiPort, tlsPort, configFolder } = JSON.parse(readFileSync(places.chosen, "utf8")) as Partial<Chosen>;
    if (typeof apiPort !== "number" || typeof tlsPort !== "number") return undefined;
    return { apiPort, tlsPort, configFolder: configFolder ?? "" };
  } catch {
    return undefined;
  }
}

export function writeChosen(places: Places, chosen: Chosen): void {
  mkdirSync(places.state, { recursive: true, mode: 0o700 });
  writeFileSync(`${places.chosen}.new`, `${JSON.stringify(chosen, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${places.chosen}.new`, places.chosen);
}

/** Port that actions ask when none was said: the one of the last start, else 8000. */
export function defaultPort(places: Places): number {
  return readChosen(places)?.apiPort ?? 8000;
}
