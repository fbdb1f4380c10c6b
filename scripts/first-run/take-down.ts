// ./scripts/quickstart --down: removes what the quickstart made, by its own record and by the cluster's label, and nothing else.

import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import Docker from "dockerode";
import { OzError } from "#core/errors.ts";
import { removeUnused } from "../images/example-image.ts";
import { EXAMPLE_LABEL, TINY_LLM_IMAGE } from "../images/tiny-llm-image.ts";
import { endProcesses } from "./background-process.ts";
import { agentCommand, controlPlaneCommand } from "./cluster.ts";
import { removeCommandLink } from "./command-link.ts";
import { type Made, readMade } from "./made.ts";
import type { Places } from "./places.ts";
import { endStartedEngine, engineAnswers } from "./started-engine.ts";

/** Returns what was removed, in words. Safe to run again after it was interrupted. */
export async function takeDown(places: Places): Promise<string[]> {
  const made = readMade(places.made);
  const removed: string[] = [];
  const note = (did: boolean, what: string): void => void (did && removed.push(what));
  note(await endProcesses(agentCommand(places)), "agent");
  note(await endProcesses(controlPlaneCommand(places)), "control plane");
  const docker = new Docker({ timeout: 60_000 });
  const cluster = made.cluster ?? clusterOfAgent(places);
  if (cluster !== undefined && (await engineAnswers(docker))) {
    for (const line of await removeClusterThings(docker, cluster)) removed.push(line);
  }
  if (existsSync(places.state)) note(await removeImage(docker), `image ${TINY_LLM_IMAGE}`);
  for (const line of removeFiles(made)) removed.push(line);
  note(removeContext(places, made), "context local");
  if (made.enginePid !== undefined)
    note(await endStartedEngine(docker, made.enginePid), "Docker Engine process and its log (no container was left)");
  if (existsSync(places.state)) {
    rmSync(places.state, { recursive: true });
    removed.push(places.state);
  }
  return removed;
}

async function removeClusterThings(docker: Docker, cluster: string): Promise<string[]> {
  const filters = { label: [`ozwald.cluster=${cluster}`] };
  const containers = await docker.listContainers({ all: true, filters });
  for (const { Id } of containers) await absentIsFine(docker.getContainer(Id).remove({ force: true, v: true }));
  const networks = await docker.listNetworks({ filters });
  for (const { Id } of networks) await absentIsFine(docker.getNetwork(Id).remove());
  const volumes = (await docker.listVolumes({ filters })).Volumes;
  for (const { Name } of volumes) await absentIsFine(docker.getVolume(Name).remove());
  const counts = [
    [containers.length, "container"],
    [networks.length, "network"],
    [volumes.length, "volume"],
  ] as const;
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}${count === 1 ? "" : "s"}`);
}

async function removeImage(docker: Docker): Promise<boolean> {
  if (!(await engineAnswers(docker))) return false;
  const images = await docker.listImages({ all: false, filters: { label: [EXAMPLE_LABEL] } });
  const removed = [];
  for (const { Id, RepoTags } of images) {
    // By name where it has one: what somebody else named stays under that name.
    const names = (RepoTags ?? []).filter((name) => name !== "<none>:<none>");
    const ours = names.includes(TINY_LLM_IMAGE) ? TINY_LLM_IMAGE : names.length === 0 ? Id : undefined;
    if (ours !== undefined && (await removeUnused(docker, ours))) removed.push(ours);
  }
  return removed.length > 0;
}

function removeFiles(made: Made): string[] {
  const files = [...(made.cached ?? [])];
  if (made.modelFolder !== undefined)
    files.push(join(made.modelFolder, "model.gguf"), join(made.modelFolder, "model.gguf.new"));
  const removed = files.filter((file) => existsSync(file));
  for (const file of removed) rmSync(file);
  for (const folder of new Set(files.map((file) => dirname(file)))) removeEmpty(folder);
  if (made.link !== undefined && removeCommandLink(made.link)) removed.push(made.link);
  return removed;
}

/** The folder and the one above it, which hold nothing else of ours; whatever else is in them stays. */
function removeEmpty(folder: string): void {
  for (const path of [folder, dirname(folder)]) {
    if (!existsSync(path) || readdirSync(path).length > 0) return;
    rmdirSync(path);
  }
}

/** The context that our control plane wrote, known by its authority. A folder of our own goes with the state. */
function removeContext(places: Places, made: Made): boolean {
  if (made.configFolder !== "") return false;
  const folder = process.env["OZWALD_CONFIG_DIR"] ?? join(homedir(), ".config", "ozwald");
  const file = join(folder, "contexts", "local.json");
  if (!existsSync(file) || made.tlsPort === undefined) return false;
  const context = JSON.parse(readFileSync(file, "utf8")) as { address?: string; caPem?: string };
  const ours = readOurAuthority(places);
  if (ours !== undefined && context.caPem?.trim() !== ours) return false;
  if (ours === undefined && !context.address?.endsWith(`:${made.tlsPort}`)) return false;
  rmSync(file);
  const current = join(folder, "current");
  if (existsSync(current) && readFileSync(current, "utf8").trim() === "local") rmSync(current);
  for (const path of [join(folder, "contexts"), folder]) {
    if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path);
  }
  return true;
}

function readOurAuthority(places: Places): string | undefined {
  const file = join(places.agentState, "ca.pem");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

function clusterOfAgent(places: Places): string | undefined {
  const file = join(places.agentState, "identity.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { clusterId: string }).clusterId : undefined;
}

async function absentIsFine(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404)
      throw new OzError("engine_refused", String(error), { cause: error });
  }
}
