// Makes, starts, stops and removes containers. Each call may be repeated: what is done already is fine.
import { realpath } from "node:fs/promises";
import { sleep } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { MountKind } from "#proto/spec_pb.ts";
import type Docker from "dockerode";
import { dockerError } from "./docker-errors.ts";
import { containerRequest, type RequestOptions } from "./container-request.ts";
import { callTimeoutsMs, type DockerCalls } from "./docker-call.ts";
import type { GroupNetworks } from "./docker-networks.ts";
import { isMadeByUs, type Observer, peopleName } from "./docker-observe.ts";
import { labels, type ContainerPlan } from "./engine.ts";

/** After the engine said "stopped" its process may need this long to be gone. */
const goneTimeoutMs = 5_000;
const lookAgainMs = 20;

export type LifecyclePorts = {
  readonly calls: DockerCalls;
  readonly clusterId: string;
  readonly observer: Observer;
  readonly networks: GroupNetworks;
  /** Folder of this agent's identity and journal; undefined when it has none. */
  readonly stateDir: string | undefined;
  /** Facts of this host that shape requests. */
  requestOptions(): Promise<RequestOptions>;
};

export async function createContainer(ports: LifecyclePorts, plan: ContainerPlan): Promise<string> {
  const network = ports.networks.nameOf(plan.spec.group);
  const { stateDir } = ports;
  const ownFolders = stateDir === undefined ? [] : [await realpath(stateDir).catch(() => stateDir)];
  const request = containerRequest(await withRealPaths(plan), network, {
    ...(await ports.requestOptions()),
    ownFolders,
  });
  const name = request.name ?? "";
  const create = () =>
    ports.calls.call(
      { doing: `make ${plan.spec.instance}` },
      async (abortSignal) => {
        try {
          return (await ports.calls.docker.createContainer({ ...request, abortSignal })).id;
        } catch (thrown) {
          if ((thrown as { statusCode?: number }).statusCode === 409) return undefined;
          throw thrown;
        }
      },
      callTimeoutsMs.create,
    );
  const id = await create();
  if (id !== undefined) return id;
  // The name is taken, as after a call that timed out here and still succeeded there.
  await replaceable(ports, plan, name);
  const second = await create();
  if (second === undefined) throw new OzError("engine_refused", `The container name ${name} stays taken.`);
  return second;
}

/** Removes the container of that name if it is this very replica's and does not run; refuses otherwise. */
async function replaceable(ports: LifecyclePorts, plan: ContainerPlan, name: string): Promise<void> {
  const present = await ports.observer.inspect(name);
  if (present === undefined) return;
  const found = present.Config.Labels;
  const ours = found[labels.cluster] === ports.clusterId && found[labels.replica] === plan.replicaId;
  if (!ours) throw new OzError("engine_refused", `A container named ${name} exists on this host and is not ours.`);
  if (present.State.Running && (await ports.observer.isAlive(present.State.Pid))) {
    throw new OzError("engine_refused", `The container ${name} exists and runs.`);
  }
  await removeContainer(ports, present.Id);
}

/** Symlinks are followed before the policy looks, so that none leads to a place it forbids. */
async function withRealPaths(plan: ContainerPlan): Promise<ContainerPlan> {
  if (!plan.spec.mounts.some((mount) => mount.kind === MountKind.BIND)) return plan;
  const mounts = await Promise.all(
    plan.spec.mounts.map(async (mount) => {
      if (mount.kind !== MountKind.BIND) return mount;
      const source = await realpath(mount.source).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== "ENOENT")
          throw new OzError("engine_refused", `${mount.source} cannot be mounted: ${thrown.message}`);
        throw new OzError("engine_refused", `${mount.source} does not exist on this host.`, {
          hint: `Create it there (mkdir -p ${mount.source}), or change the volume of ${plan.spec.service}.`,
        });
      });
      return { ...mount, source };
    }),
  );
  return { ...plan, spec: { ...plan.spec, mounts } };
}

export async function startContainer(ports: LifecyclePorts, id: string): Promise<void> {
  await ports.calls.call(
    { doing: `start ${shortId(id)}` },
    async (abortSignal) => {
      try {
        await ignoring([304], () => ports.calls.docker.getContainer(id).start({ abortSignal }));
      } catch (thrown) {
        const info = await ports.observer.inspect(id).catch(() => undefined);
        throw dockerError(thrown, { doing: `start ${info === undefined ? shortId(id) : peopleName(info)}` });
      }
    },
    callTimeoutsMs.start,
  );
}

export async function stopContainer(ports: LifecyclePorts, id: string, graceMs: number): Promise<void> {
  const info = await ours(ports, id);
  if (info === undefined || !info.State.Running) return;
  // The engine counts whole seconds; 1 ms is how no grace at all is written.
  const seconds = graceMs > 1 ? Math.ceil(graceMs / 1000) : 0;
  const options = (abortSignal: AbortSignal) => ({ t: seconds, abortSignal }) as Docker.ContainerStopOptions;
  await ports.calls.call(
    { doing: `stop ${shortId(id)}` },
    (abortSignal) => ignoring([304, 404], () => ports.calls.docker.getContainer(id).stop(options(abortSignal))),
    seconds * 1000 + callTimeoutsMs.stopBeyondGrace,
  );
  const deadline = ports.calls.clock.now() + goneTimeoutMs;
  while (await ports.observer.isAlive(info.State.Pid)) {
    if (ports.calls.clock.now() >= deadline) {
      throw new OzError(
        "timeout",
        `Process ${info.State.Pid} of ${shortId(id)} is still there although the engine ended it.`,
        {
          hint: "A process that waits for a broken disk or GPU cannot be ended; dmesg may say more.",
        },
      );
    }
    await sleep(ports.calls.clock, lookAgainMs);
  }
}

export async function removeContainer(ports: LifecyclePorts, id: string): Promise<void> {
  const info = await ours(ports, id);
  if (info === undefined) return;
  // "Up" for a process that is gone: the engine removes that only when it is forced to.
  const force = info.State.Running && !(await ports.observer.isAlive(info.State.Pid));
  const options = (abortSignal: AbortSignal) => ({ v: true, force, abortSignal }) as Docker.ContainerRemoveOptions;
  await ports.calls.call(
    { doing: `remove ${shortId(id)}` },
    (abortSignal) =>
      ignoring([404], async () => {
        try {
          await ports.calls.docker.getContainer(id).remove(options(abortSignal));
        } catch (thrown) {
          if (!/removal of container .* is already in progress/.test(String(thrown))) throw thrown;
        }
      }),
    callTimeoutsMs.create,
  );
}

/** The container, if it carries our label; undefined when it is gone. Anything else is not ours to touch. */
async function ours(ports: LifecyclePorts, id: string): Promise<Docker.ContainerInspectInfo | undefined> {
  const info = await ports.observer.inspect(id);
  if (info === undefined) return undefined;
  if (info.Config.Labels[labels.cluster] === ports.clusterId && isMadeByUs(info)) return info;
  throw new OzError(
    "engine_refused",
    `The container ${info.Name.replace(/^\//, "")} does not belong to this cluster; it is left alone.`,
  );
}

async function ignoring(statusCodes: readonly number[], fn: () => Promise<unknown>): Promise<void> {
  try {
    await fn();
  } catch (thrown) {
    if (!statusCodes.includes((thrown as { statusCode?: number }).statusCode ?? 0)) throw thrown;
  }
}

function shortId(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
}
