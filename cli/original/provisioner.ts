// The two programs of a provisioner: their command lines and the environment they are started in.
import type { Environment } from "../contexts.ts";
import { ownProgram } from "./own-program.ts";
import type { Chosen, Places } from "./places.ts";

export function controlPlaneCommand(places: Places): string[] {
  return [...ownProgram("ozwald-controlplane"), "run", "--state", places.controlPlaneState];
}

export function agentCommand(places: Places): string[] {
  return [...ownProgram("ozwald-agent"), "run", "--state", places.agentState];
}

export function controlPlaneFlags(places: Places, { tlsPort, apiPort }: Chosen): string[] {
  return ["--listen", `0.0.0.0:${tlsPort}`, "--rest", `127.0.0.1:${apiPort}`, "--socket", places.socket];
}

/** Ours as it is, and the folder for ozctl's context where the person has a context called local already. */
export function programEnvironment(env: Environment, { configFolder }: Chosen): NodeJS.ProcessEnv {
  return { ...env, ...(configFolder !== "" && { OZWALD_CONFIG_DIR: configFolder }) };
}
