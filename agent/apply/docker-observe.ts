// What is really there: our containers as the engine lists them, and their processes as the kernel has them.
import { stat } from "node:fs/promises";
import { sleep } from "#core/clock.ts";
import type Docker from "dockerode";
import type { DockerCalls } from "./docker-call.ts";
import { explain } from "./docker-errors.ts";
import { labels, type ContainerPhase, type ObservedContainer } from "./engine.ts";

const inspectsAtOnce = 8;
/** Docker hears of an end some milliseconds after the kernel; this long the two may disagree. */
const disagreementMs = 500;
const lookAgainMs = 50;

export type Observer = {
  /** Every container of our cluster. */
  list(): Promise<ObservedContainer[]>;
  /** One container, ours or not; undefined when there is none of that id or name. */
  inspect(idOrName: string): Promise<Docker.ContainerInspectInfo | undefined>;
  /** True while the process is there. */
  isAlive(pid: number): Promise<boolean>;
};

/** procRoot: where the kernel's /proc of the host is. */
export function createObserver(calls: DockerCalls, clusterId: string, procRoot: string): Observer {
  const isAlive = (pid: number) => processExists(procRoot, pid);
  const inspect = (idOrName: string) => inspectContainer(calls, idOrName);
  return {
    isAlive,
    inspect,
    async list() {
      const filters = { label: [`${labels.cluster}=${clusterId}`] };
      const found = await calls.call({ doing: "list containers" }, (abortSignal) =>
        calls.docker.listContainers({ all: true, filters, abortSignal }),
      );
      const observed = await mapSome(found, async ({ Id }) => {
        const info = await inspectSettled(calls, inspect, isAlive, Id);
        return info && observedContainer(info.info, info.alive);
      });
      return observed.filter((container) => container !== undefined);
    },
  };
}

async function inspectContainer(
  calls: DockerCalls,
  idOrName: string,
): Promise<Docker.ContainerInspectInfo | undefined> {
  return calls.call({ doing: `inspect ${idOrName}` }, async (abortSignal) => {
    try {
      return await calls.docker.getContainer(idOrName).inspect({ abortSignal });
    } catch (thrown) {
      if ((thrown as { statusCode?: number }).statusCode === 404) return undefined;
      throw thrown;
    }
  });
}

/** Inspects until engine and kernel agree, or their time to agree is over; then the kernel is believed. */
async function inspectSettled(
  calls: DockerCalls,
  inspect: Observer["inspect"],
  isAlive: Observer["isAlive"],
  id: string,
): Promise<{ info: Docker.ContainerInspectInfo; alive: boolean } | undefined> {
  const deadline = calls.clock.now() + disagreementMs;
  for (;;) {
    const info = await inspect(id);
    if (info === undefined) return undefined;
    if (!info.State.Running) return { info, alive: false };
    if (await isAlive(info.State.Pid)) return { info, alive: true };
    if (calls.clock.now() >= deadline) return { info, alive: false };
    await sleep(calls.clock, lookAgainMs);
  }
}

/** Pure: what an inspection says, with the kernel's word on whether the process is there. */
export function observedContainer(info: Docker.ContainerInspectInfo, alive: boolean): ObservedContainer {
  const label = (name: string) => info.Config.Labels[name] ?? "";
  const { State: state } = info;
  const phase: ContainerPhase = alive ? "running" : state.Status === "created" ? "created" : "ended";
  // A full disk keeps Docker from writing down that a container ended: it says "Up" for a process that is gone.
  const vanished = state.Running && !alive;
  const network = Object.values(info.NetworkSettings.Networks)[0];
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ""),
    replicaId: label(labels.replica),
    generation: Number(label(labels.generation)) || 0,
    attempt: Number(label(labels.attempt)) || 0,
    specHash: label(labels.specHash),
    instance: label(labels.instance),
    group: label(labels.group),
    slot: Number(label(labels.slot)) || 0,
    service: label(labels.service),
    variety: label(labels.variety),
    profile: label(labels.profile),
    phase,
    pid: alive ? state.Pid : 0,
    startedAt: timeMs(state.StartedAt),
    endedAt: phase === "ended" ? timeMs(state.FinishedAt) : 0,
    exitCode: vanished ? -1 : phase === "running" ? 0 : state.ExitCode,
    outOfMemory: state.OOMKilled,
    error: vanished ? "Its process is gone, although the engine says it runs (a full disk does that)." : errorOf(info),
    check: checkOf(state.Health?.Status),
    address: network?.IPAddress ?? "",
    ports: portsOf(info),
    imageId: info.Image,
  };
}

function errorOf(info: Docker.ContainerInspectInfo): string {
  const said = info.State.Error;
  return said === "" ? "" : explain(said, { doing: `start ${info.Name.replace(/^\//, "")}` }).message;
}

function checkOf(status: string | undefined): ObservedContainer["check"] {
  return status === "starting" || status === "healthy" || status === "unhealthy" ? status : "none";
}

/** Published ports: the ones in force, else (not running) the ones asked for. */
function portsOf(info: Docker.ContainerInspectInfo): ObservedContainer["ports"] {
  type Bindings = Record<string, { HostIp: string; HostPort: string }[] | null>;
  const live = info.NetworkSettings.Ports as Bindings;
  const source: Bindings = Object.keys(live).length > 0 ? live : ((info.HostConfig.PortBindings ?? {}) as Bindings);
  return Object.entries(source).flatMap(([key, bindings]) => {
    const [port = "", transport = "tcp"] = key.split("/");
    return (bindings ?? [])
      .filter((binding) => binding.HostPort !== "")
      .map((binding) => ({
        containerPort: Number(port),
        hostPort: Number(binding.HostPort),
        hostAddress: binding.HostIp,
        transport,
      }));
  });
}

/** Docker writes year 1 for "never". */
function timeMs(text: string): number {
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? 0 : ms;
}

async function processExists(procRoot: string, pid: number): Promise<boolean> {
  if (pid <= 0) return false;
  return stat(`${procRoot}/${pid}`).then(
    () => true,
    () => false,
  );
}

async function mapSome<In, Out>(items: readonly In[], fn: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await fn(items[at] as In);
  };
  await Promise.all(Array.from({ length: Math.min(inspectsAtOnce, items.length) }, worker));
  return results;
}
