// Where the quickstart keeps things: all of it under one folder, except what has to be found elsewhere.

import { homedir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../lib/repository.ts";

export type Places = {
  /** State of everything; removed as a whole by --down. */
  readonly state: string;
  readonly controlPlaneState: string;
  readonly controlPlaneLog: string;
  readonly agentState: string;
  readonly agentLog: string;
  readonly socket: string;
  /** What was made outside `state`, so that --down removes exactly that. */
  readonly made: string;
  /** Figures of the last run. */
  readonly report: string;
  readonly settings: string;
};

/** $OZWALD_QUICKSTART_DIR, else /var/lib/ozwald-quickstart for root and a folder of their own for others. */
export function quickstartPlaces(environment: NodeJS.ProcessEnv, isRoot: boolean): Places {
  const own = environment["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state");
  const standard = isRoot ? "/var/lib/ozwald-quickstart" : join(own, "ozwald-quickstart");
  const state = environment["OZWALD_QUICKSTART_DIR"] ?? standard;
  return {
    state,
    controlPlaneState: join(state, "controlplane"),
    controlPlaneLog: join(state, "controlplane.log"),
    agentState: join(state, "agent"),
    agentLog: join(state, "agent.log"),
    socket: join(state, "control.sock"),
    made: join(state, "made.json"),
    report: join(state, "report.json"),
    settings: join(repositoryRoot, "examples/quickstart/ozwald.yml"),
  };
}

/** One of the built programs. */
export function program(name: "ozctl" | "ozwald-agent" | "ozwald-controlplane"): string {
  return join(repositoryRoot, "dist/bin", name);
}
