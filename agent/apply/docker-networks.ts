// Private networks of groups on this host: one bridge per group, made on demand, removed when nothing is left on it.
import { OzError } from "#core/errors.ts";
import { compareText } from "#core/text-order.ts";
import type Docker from "dockerode";
import { networkName } from "./container-name.ts";
import type { DockerCalls } from "./docker-call.ts";
import { labels } from "./engine.ts";

export type GroupNetworks = {
  /** Name of the group's network, whether it is there or not. */
  nameOf(group: string): string;
  ensure(group: string): Promise<string>;
  removeUnused(groupsInUse: ReadonlySet<string>): Promise<void>;
};

export function createGroupNetworks(calls: DockerCalls, clusterId: string): GroupNetworks {
  const nameOf = (group: string) => networkName(clusterId, group);
  const beingMade = new Map<string, Promise<string>>();
  return {
    nameOf,
    ensure(group) {
      const name = nameOf(group);
      // Two callers at once share one attempt.
      const present =
        beingMade.get(name) ?? ensureNetwork(calls, clusterId, group, name).finally(() => beingMade.delete(name));
      beingMade.set(name, present);
      return present;
    },
    async removeUnused(groupsInUse) {
      for (const network of await listOurs(calls, clusterId)) {
        if (!groupsInUse.has(network.Labels?.[labels.group] ?? "")) await removeIfEmpty(calls, network.Id);
      }
    },
  };
}

async function ensureNetwork(calls: DockerCalls, clusterId: string, group: string, name: string): Promise<string> {
  const found = await listNamed(calls, name);
  if (found.length === 0) {
    await createNetwork(calls, clusterId, group, name);
    // Another process may have made one in the same moment: networks of one name can be several in older engines.
    await dropDuplicates(calls, await listNamed(calls, name));
    return name;
  }
  const foreign = found.find((network) => network.Labels?.[labels.cluster] !== clusterId);
  if (foreign !== undefined) {
    throw new OzError("engine_refused", `A network named ${name} exists on this host and is not ours.`, {
      hint: `If nobody needs it: docker network rm ${name}`,
    });
  }
  await dropDuplicates(calls, found);
  return name;
}

async function createNetwork(calls: DockerCalls, clusterId: string, group: string, name: string): Promise<void> {
  await calls.call({ doing: `make the network ${name}` }, async (abortSignal) => {
    try {
      await calls.docker.createNetwork({
        Name: name,
        Driver: "bridge",
        CheckDuplicate: true,
        Internal: false,
        Options: {
          "com.docker.network.bridge.enable_icc": "true",
          // A second lock behind containerRequest: a port without an address is still not open to the world.
          "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
        },
        Labels: { [labels.cluster]: clusterId, [labels.group]: group },
        abortSignal,
      });
    } catch (thrown) {
      if ((thrown as { statusCode?: number }).statusCode !== 409) throw thrown;
    }
  });
}

/** Everybody keeps the oldest, so that two who clean up at once do not remove each other's. */
async function dropDuplicates(calls: DockerCalls, networks: Docker.NetworkInspectInfo[]): Promise<void> {
  const byAge = networks.toSorted((a, b) => compareText(a.Created, b.Created) || compareText(a.Id, b.Id));
  for (const network of byAge.slice(1)) await removeIfEmpty(calls, network.Id);
}

function listOurs(calls: DockerCalls, clusterId: string): Promise<Docker.NetworkInspectInfo[]> {
  return list(calls, { label: [`${labels.cluster}=${clusterId}`] });
}

async function listNamed(calls: DockerCalls, name: string): Promise<Docker.NetworkInspectInfo[]> {
  // The engine's own filter also finds names that merely contain it.
  return (await list(calls, { name: [name] })).filter((network) => network.Name === name);
}

function list(calls: DockerCalls, filters: Record<string, string[]>): Promise<Docker.NetworkInspectInfo[]> {
  return calls.call({ doing: "list networks" }, (abortSignal) => calls.docker.listNetworks({ filters, abortSignal }));
}

async function removeIfEmpty(calls: DockerCalls, id: string): Promise<void> {
  await calls.call({ doing: "remove a network" }, async (abortSignal) => {
    try {
      await calls.docker.getNetwork(id).remove({ abortSignal });
    } catch (thrown) {
      // 403: something is on it; 404: gone already.
      if (![403, 404].includes((thrown as { statusCode?: number }).statusCode ?? 0)) throw thrown;
    }
  });
}
