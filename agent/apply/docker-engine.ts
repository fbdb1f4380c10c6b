// The container engine on Docker: puts the parts together.
import { homedir } from "node:os";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/log.ts";
import type { RequestOptions } from "./container-request.ts";
import { createDockerCalls } from "./docker-call.ts";
import { watchEvents } from "./docker-events.ts";
import { startExec } from "./docker-exec.ts";
import { containerMemoryBytes, engineFacts, engineInfo, imageNames, localImage } from "./docker-facts.ts";
import {
  createContainer,
  removeContainer,
  startContainer,
  stopContainer,
  type LifecyclePorts,
} from "./docker-lifecycle.ts";
import { copyLogs, tailLines } from "./docker-logs.ts";
import { createGroupNetworks } from "./docker-networks.ts";
import { createObserver, environmentOf } from "./docker-observe.ts";
import { createPull } from "./docker-pull.ts";
import type { ContainerEngine } from "./engine.ts";
import { createRequestHost } from "./request-host.ts";

export type DockerEngineOptions = {
  /** Only containers and networks with this cluster's label are seen or touched. */
  readonly clusterId: string;
  /** Default /var/run/docker.sock. */
  readonly socketPath?: string;
  /** Folder of the agent's identity and journal, of which no container gets anything. */
  readonly stateDir?: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Where the kernel shows the processes of the host. Default /proc. */
  readonly procRoot?: string;
  /** Login file for registries that the settings do not name. Default ~/.docker/config.json. */
  readonly loginFile?: string;
  /** Device files behind GPUs that are passed as files, by device id. */
  readonly gpuPaths?: RequestOptions["gpuPaths"];
  /** In [0, 1). Default Math.random. */
  readonly random?: () => number;
};

export function createDockerEngine(options: DockerEngineOptions): ContainerEngine {
  const { clusterId, clock, log, procRoot = "/proc", random = Math.random } = options;
  const calls = createDockerCalls(options.socketPath ?? "/var/run/docker.sock", clock);
  const observer = createObserver(calls, clusterId, procRoot);
  const networks = createGroupNetworks(calls, clusterId);
  const host = createRequestHost(() => engineInfo(calls), options.gpuPaths ?? {});
  const lifecycle: LifecyclePorts = {
    calls,
    clusterId,
    observer,
    networks,
    stateDir: options.stateDir,
    requestOptions: host.options,
  };
  return {
    facts: () => engineFacts(calls),
    list: observer.list,
    images: () => imageNames(calls),
    resolveImage: (image) => localImage(calls, image),
    pull: createPull(calls, options.loginFile ?? `${homedir()}/.docker/config.json`),
    ensureNetwork: networks.ensure,
    removeUnusedNetworks: networks.removeUnused,
    create: (plan) => createContainer(lifecycle, plan),
    start: (id) => startContainer(lifecycle, id),
    stop: (id, graceMs) => stopContainer(lifecycle, id, graceMs),
    remove: (id) => removeContainer(lifecycle, id),
    environment: async (id) => environmentOf(await observer.inspect(id)),
    logs: (id, logOptions, sink, signal) => copyLogs(calls, id, logOptions, sink, signal),
    tail: (id, lines, hidden) => tailLines(calls, id, lines, hidden),
    exec: (id, execOptions, sink, signal) => startExec(calls, procRoot, id, execOptions, sink, signal),
    memoryBytes: (id) => containerMemoryBytes(calls, id),
    watch(onChange, signal) {
      const changed = (lost: boolean) => {
        if (lost) host.forget();
        onChange(lost);
      };
      watchEvents(calls, { clusterId, log, random }, changed, signal);
    },
  };
}
