// A cluster for benches: a control plane and one host of built programs, busybox settings, and a watch that notes when each thing was told.
import { randomUUID } from "node:crypto";
import { readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { HostState } from "#proto/hosts_pb.ts";
import { InstancesService, type WatchInstancesResponse } from "#proto/instances_pb.ts";
import { type Replica, ReplicaState } from "#proto/replicas_pb.ts";
import { readContext } from "../../cli/contexts.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { mustRun } from "../support/run-command.ts";
import { programArgv } from "../support/programs.ts";
import type { SeenContainer } from "../support/cluster-containers.ts";

/** The service that every bench runs: a container that sleeps and ends at once when it is asked to. */
export const sleeper = "sleeper";

const settings = (more: Record<string, unknown>) =>
  JSON.stringify({
    services: [{ name: sleeper, image: busyboxImage, command: ["sleep", "86400"], stop_grace: "1s", ...more }],
  });

export type BenchCluster = {
  /** Process id of the control plane. */
  readonly control: number;
  readonly agent: ClusterAgent;
  readonly client: Client<typeof InstancesService>;
  /** Makes an instance wanted; resolves when the call is answered. */
  up(name: string, replicas?: number): Promise<void>;
  /** The same through `ozctl up --detach` from its start to its end. */
  ozctlUp(name: string): Promise<void>;
  /** Makes it unwanted and waits until nothing of it is listed or left on the engine. */
  down(name: string): Promise<void>;
  /** Resolves with `performance.now()` at the moment the watch told so many ready replicas of the instance. */
  ready(name: string, replicas?: number): Promise<number>;
  /** Resolves with the moment when `test` held for a replica of the instance as told by the watch. */
  told(name: string, test: (replica: Replica) => boolean): Promise<number>;
  containers(): Promise<SeenContainer[]>;
  /** Ends the watch until something is waited for again: while somebody watches, hosts send more. */
  unwatch(): Promise<void>;
  /** Ends both programs and starts them as after a start of the machine: as their unit does, the executable read from the disk anew. */
  startAgain(): Promise<void>;
  readonly env: Readonly<Record<string, string>>;
  [Symbol.asyncDispose](): Promise<void>;
};

type Waiter = { test: (seen: WatchInstancesResponse) => boolean; done: (at: number) => void };

const waitMs = 240_000;

/** Starts it. `more` are further keys of the service. */
export async function startBenchCluster(more: Record<string, unknown> = {}): Promise<BenchCluster> {
  await using undo = new AsyncDisposableStack();
  const cluster = undo.adopt(await startCluster(), (started) => started.dispose());
  const agent = await cluster.addHost();
  await cluster.mustApply(settings(more));
  const client = connected(cluster);
  let watch: ReturnType<typeof startWatch> | undefined;
  const unwatch = async () => {
    await watch?.[Symbol.asyncDispose]();
    watch = undefined;
  };
  undo.defer(unwatch);
  const until = (what: string, test: Waiter["test"]) => (watch ??= startWatch(client)).until(what, test);
  const unitsOf = (seen: WatchInstancesResponse, name: string) =>
    seen.instances.find((each) => each.name === name)?.units ?? [];
  const env = cluster.env;
  const owned = undo.move();
  return {
    get control() {
      return cluster.control.pid;
    },
    agent,
    client,
    env,
    up: async (name, replicas = 1) =>
      void (await client.upInstance({ name, service: sleeper, replicas, idempotencyKey: randomUUID() })),
    ozctlUp: async (name) =>
      void (await mustRun([...programArgv("ozctl"), "up", name, "--service", sleeper, "--detach"], { env })),
    async down(name) {
      await client.downInstance({ name });
      await until(`${name} is gone`, (seen) => seen.instances.every((each) => each.name !== name));
      while ((await cluster.containers()).some((container) => container.instance === name)) await sleep(50);
    },
    ready: (name, replicas = 1) =>
      until(
        `${name} is ready`,
        (seen) => unitsOf(seen, name).filter(({ state }) => state === ReplicaState.READY).length >= replicas,
      ),
    told: (name, test) => until(`${name} is as expected`, (seen) => unitsOf(seen, name).some(test)),
    containers: () => cluster.containers(),
    unwatch,
    async startAgain() {
      await unwatch();
      for (const program of [agent, cluster.control]) await program.stop();
      const executable = realpathSync(programArgv("ozwald-agent")[0] ?? "");
      await forgetPages(executable);
      owned.defer(() => writeAgain(executable));
      for (const program of [cluster.control, agent]) await program.start(unitEnvironment);
      await cluster.untilHost("alpha", HostState.ONLINE);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What packaging/install.sh sets for both programs. */
const unitEnvironment = { MALLOC_ARENA_MAX: "2" };

/**
 * Takes a file out of the page cache. A file that was just written in big pieces lies there in big pieces, and newer kernels map a
 * piece as a whole: programs of a fresh build would seem 14 MiB larger than those of any host.
 */
async function forgetPages(path: string): Promise<void> {
  await mustRun(["dd", `if=${path}`, "iflag=nocache", "count=0", "status=none"]);
}

/** Speaks Connect over HTTP/2 and TLS as any client does; its connection is made by the first call and stays. */
function connected(cluster: Cluster): Client<typeof InstancesService> {
  const { address, caPem, token } = readContext(cluster.env, "local");
  const withToken: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const nodeOptions = { ...(caPem !== undefined && { ca: caPem }) };
  const transport = createConnectTransport({
    baseUrl: address,
    httpVersion: "2",
    interceptors: [withToken],
    nodeOptions,
  });
  return createClient(InstancesService, transport);
}

/** Leaves the file as a build does: what else is measured should not depend on what was measured before. */
function writeAgain(path: string): void {
  writeFileSync(`${path}.again`, readFileSync(path), { mode: 0o755 });
  renameSync(`${path}.again`, path);
}

function startWatch(client: Client<typeof InstancesService>) {
  const stop = new AbortController();
  const waiters = new Set<Waiter>();
  let last: WatchInstancesResponse | undefined;
  let ended: Error | undefined;
  const read = async () => {
    for await (const seen of client.watchInstances({}, { signal: stop.signal })) {
      const at = performance.now();
      last = seen;
      for (const waiter of waiters) if (waiter.test(seen)) waiter.done(at);
    }
  };
  const reading = read().catch((error: Error) => {
    ended = error;
  });
  return {
    /** The present state counts as told now. */
    async until(what: string, test: Waiter["test"]): Promise<number> {
      if (ended !== undefined) throw ended;
      if (last !== undefined && test(last)) return performance.now();
      const { promise, resolve } = Promise.withResolvers<number>();
      const waiter = { test, done: resolve };
      waiters.add(waiter);
      const late = new AbortController();
      try {
        const limit = sleep(waitMs, undefined, { signal: late.signal }).then(() => {
          throw new Error(`Waited ${waitMs} ms in vain until ${what}.`, { cause: ended });
        });
        return await Promise.race([promise, limit]);
      } finally {
        waiters.delete(waiter);
        late.abort();
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}
