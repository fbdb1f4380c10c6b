// The container engine that scripts/lib/install.sh starts where there is no service manager.

import { existsSync, rmSync } from "node:fs";
import type Docker from "dockerode";
import { findProcesses } from "./background-process.ts";

/** Where start_engine of scripts/lib/install.sh has it write its log. */
export const engineLog = "/var/log/ozwald-dockerd.log";

/** Ends the engine and removes its log, only when it is the one that was started and keeps no container. True when it was ended. */
export async function endStartedEngine(
  docker: Pick<Docker, "ping" | "listContainers">,
  pid: number,
  log: string = engineLog,
): Promise<boolean> {
  if (!findProcesses(["dockerd"]).includes(pid) || !(await engineAnswers(docker))) return false;
  if ((await docker.listContainers({ all: true })).length > 0) return false;
  process.kill(pid, "SIGTERM");
  if (existsSync(log)) rmSync(log);
  return true;
}

export async function engineAnswers(docker: Pick<Docker, "ping">): Promise<boolean> {
  try {
    await docker.ping();
    return true;
  } catch {
    return false;
  }
}
