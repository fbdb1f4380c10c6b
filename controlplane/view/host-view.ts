// Hosts, as the API shows them.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Host, HostSchema, HostState } from "#proto/hosts_pb.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { hostViews } from "../change/snapshot.ts";
import { claimedMemory } from "../schedule/filters.ts";
import type { World } from "../world.ts";

const states = {
  online: HostState.ONLINE,
  suspect: HostState.SUSPECT,
  offline: HostState.OFFLINE,
  quarantined: HostState.QUARANTINED,
  expected: HostState.EXPECTED,
} as const;

export function hostList(world: World, live: readonly LiveHost[]): Host[] {
  const byId = new Map(live.map((host) => [host.hostId, host]));
  return hostViews(world, live).map((view) => {
    const host = byId.get(view.id);
    const row = world.hosts.find((h) => h.id === view.id);
    const bound = world.replicas.filter((replica) => replica.hostId === view.id);
    const since = host?.since ?? row?.last_heard_at ?? 0;
    return create(HostSchema, {
      id: view.state === "expected" ? "" : view.id,
      name: view.name,
      state: states[view.state],
      agentVersion: host?.agentVersion ?? row?.agent_version ?? "",
      address: host?.address ?? row?.address ?? "",
      dialedAddress: host?.dialedAddress ?? "",
      addressProblem: host?.addressProblem ?? "",
      replicas: bound.filter((replica) => replica.wish === "run").length,
      problem: view.problem,
      memoryClaimedBytes: BigInt(claimedMemory(bound)),
      ...(since === 0 ? {} : { since: timestampFromMs(since) }),
      ...(view.inventory === undefined ? {} : { inventory: view.inventory }),
      ...(host?.telemetry === undefined ? {} : { telemetry: host.telemetry }),
    });
  });
}
