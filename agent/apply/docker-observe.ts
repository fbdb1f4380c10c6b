// What is really there: our containers as the engine lists them, and their processes as the kernel has them.
import { stat } from "node:fs/promises";
import { sleep } from "#core/clock.ts";
import { toOzError } from "#core/errors.ts";
import type Docker from "dockerode";
import type { DockerCalls } from "./docker-call.ts";
import { explain } from "./docker-errors.ts";
import { labels, type ContainerPhase, type ObservedContainer } from "./engine.ts";

const inspectsAtOnce = 8;
/** Docker hears of an end some milliseconds after the kernel; this long the two may disagree. */
const disagreementMs = 500;
const lookAgainMs = 50;
/** The engine inspects no container while it starts it, and hooks of GPU tools take many seconds; so long it is asked nevertheless. */
const startingMs = 500;

export type Observer = {
  /** Every container of our cluster. */
  list(): Promise<ObservedContainer[]>;
  /** One container, ours or not; undefined when there is none of that id or name. Default timeout 10 s. */
  inspect(idOrName: string, timeoutMs?: number): Promise<Docker.ContainerInspectInfo | undefined>;
  /** True while the process is there. */
  isAlive(pid: number): Promise<boolean>;
};

/** procRoot: where the kernel's /proc of the host is. */
export function createObserver(calls: DockerCalls, clusterId: string, procRoot: string): Observer {
  const isAlive = (pid: number) => processExists(procRoot, pid);
  const inspect: Observer["inspect"] = (idOrName, timeoutMs) => inspectContainer(calls, idOrName, timeoutMs);
  const known = new Map<string, Known>();
  const copies = new Set<string>();
  return {
    isAlive,
    inspect,
    async list() {
      const filters = { label: [`${labels.cluster}=${clusterId}`] };
      const found = await calls.call({ doing: "list containers" }, (abortSignal) =>
        calls.docker.listContainers({ all: true, filters, abortSignal }),
      );
      const listed = new Set(found.map((summary) => summary.Id));
      for (const id of [...known.keys(), ...copies]) {
        if (listed.has(id)) continue;
        known.delete(id);
        copies.delete(id);
      }
      const observed = await mapSome(found, async (summary) => {
        if (copies.has(summary.Id)) return undefined;
        const same = known.get(summary.Id);
        const isSame = same?.signature === signatureOf(summary) && (same.over || (await isAlive(same.container.pid)));
        if (isSame) return { ...same.container, check: checkInStatus(summary.Status) };
        known.delete(summary.Id);
        const settled = await inspectSettled(calls, inspect, isAlive, summary).catch((thrown: unknown) => {
          if (summary.State === "created" && toOzError(thrown).code === "timeout") return "starting" as const;
          throw thrown;
        });
        if (settled === undefined) return undefined;
        if (settled === "starting") return startingContainer(summary);
        if (!isMadeByUs(settled.info)) return void copies.add(summary.Id);
        const container = observedContainer(settled.info, settled.alive);
        const over = summary.State === "exited" && settled.info.State.Status === "exited";
        if (settled.alive || over) known.set(summary.Id, { signature: signatureOf(summary), container, over });
        return container;
      });
      return observed.filter((container) => container !== undefined);
    },
  };
}

/**
 * A running container changes in nothing but its health while its process lives, and an ended one in nothing: no need to inspect them
 * again and again. The engine would not answer either while somebody copies files out of one.
 */
type Known = { readonly signature: string; readonly container: ObservedContainer; readonly over: boolean };

/** What of a listing would tell that a container is another one than before. */
function signatureOf(summary: Docker.ContainerInfo): string {
  const addresses = Object.values(summary.NetworkSettings?.Networks ?? {}).map((network) => network.IPAddress);
  return JSON.stringify([summary.State, summary.Names, addresses]);
}

/** Listings tell the verdict of the engine's own check in words: "Up 5 minutes (healthy)". */
function checkInStatus(status: string): ObservedContainer["check"] {
  const word = /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(status)?.[1];
  return checkOf(word);
}

async function inspectContainer(
  calls: DockerCalls,
  idOrName: string,
  timeoutMs?: number,
): Promise<Docker.ContainerInspectInfo | undefined> {
  const ask = async (abortSignal: AbortSignal) => {
    try {
      return await calls.docker.getContainer(idOrName).inspect({ abortSignal });
    } catch (thrown) {
      if ((thrown as { statusCode?: number }).statusCode === 404) return undefined;
      throw thrown;
    }
  };
  return calls.call({ doing: `inspect ${idOrName}` }, ask, timeoutMs);
}

/** Inspects until engine and kernel agree, or their time to agree is over; then the kernel is believed. */
async function inspectSettled(
  calls: DockerCalls,
  inspect: Observer["inspect"],
  isAlive: Observer["isAlive"],
  { Id: id, State: state }: Docker.ContainerInfo,
): Promise<{ info: Docker.ContainerInspectInfo; alive: boolean } | undefined> {
  const deadline = calls.clock.now() + disagreementMs;
  for (;;) {
    const info = await inspect(id, state === "created" ? startingMs : undefined);
    if (info === undefined) return undefined;
    if (!info.State.Running) return { info, alive: false };
    if (await isAlive(info.State.Pid)) return { info, alive: true };
    if (calls.clock.now() >= deadline) return { info, alive: false };
    await sleep(calls.clock, lookAgainMs);
  }
}

/**
 * Pure: whether one that carries our labels is of our making. `docker commit` copies labels into an image, and what somebody runs from that
 * has them again, but not what containerRequest asks for each container of ours.
 */
export function isMadeByUs({ HostConfig }: Docker.ContainerInspectInfo): boolean {
  return (HostConfig.CapDrop ?? []).includes("ALL");
}

/** Pure: what an inspection says, with the kernel's word on whether the process is there. */
export function observedContainer(info: Docker.ContainerInspectInfo, alive: boolean): ObservedContainer {
  const { State: state } = info;
  const phase: ContainerPhase = alive ? "running" : state.Status === "created" ? "created" : "ended";
  // A full disk keeps Docker from writing down that a container ended: it says "Up" for a process that is gone.
  const vanished = state.Running && !alive;
  const network = Object.values(info.NetworkSettings.Networks)[0];
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ""),
    ...identityOf(info.Config.Labels),
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

/** Pure: a container that the engine is starting, as far as its listing knows it. */
function startingContainer(summary: Docker.ContainerInfo): ObservedContainer {
  return {
    id: summary.Id,
    name: (summary.Names[0] ?? "").replace(/^\//, ""),
    ...identityOf(summary.Labels),
    ...{ phase: "created", pid: 0, startedAt: 0, endedAt: 0, exitCode: 0, outOfMemory: false, error: "" },
    ...{ check: "none", address: "", ports: [], imageId: summary.ImageID },
  };
}

function identityOf(found: Readonly<Record<string, string>>) {
  const label = (name: string) => found[name] ?? "";
  return {
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
    secretKeys: label(labels.secretKeys).split(" ").filter(Boolean),
  };
}

/** Pure: what people call a container of ours, the name of its instance; of others, the container's own. */
export function peopleName(info: Docker.ContainerInspectInfo): string {
  return info.Config.Labels[labels.instance] || info.Name.replace(/^\//, "");
}

/** Pure: variables a container was made with; none when it is gone. */
export function environmentOf(info: Docker.ContainerInspectInfo | undefined): Record<string, string> {
  const pairs = (info?.Config.Env ?? []).map((line): [string, string] => {
    const [key = ""] = line.split("=", 1);
    return [key, line.slice(key.length + 1)];
  });
  return Object.fromEntries(pairs);
}

function errorOf(info: Docker.ContainerInspectInfo): string {
  const said = info.State.Error;
  return said === "" ? "" : explain(said, { doing: `start ${peopleName(info)}` }).message;
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
