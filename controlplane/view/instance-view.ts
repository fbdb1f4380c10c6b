// Wanted instances with their replicas, as the API shows them.
import { compareText } from "#core/text-order.ts";
import { create } from "@bufbuild/protobuf";
import {
  type Instance,
  InstanceSchema,
  type ListInstancesResponse,
  ListInstancesResponseSchema,
} from "#proto/instances_pb.ts";
import type { Replica } from "#proto/replicas_pb.ts";
import type { LiveHost } from "../agents/live-host.ts";
import type { InstanceTable } from "../store/tables.ts";
import type { World } from "../world.ts";
import { replicaViews, unknownViews } from "./replica-view.ts";

export function instanceList(world: World, live: readonly LiveHost[]): ListInstancesResponse {
  const replicas = replicaViews(world, live);
  const instances = world.instances.map((row) => instanceView(row, replicas, world));
  const leaving = leavingInstances(replicas, world);
  return create(ListInstancesResponseSchema, {
    instances: [...instances, ...leaving].toSorted(
      (a, b) => compareText(a.group, b.group) || compareText(a.name, b.name),
    ),
    unknown: unknownViews(world, live),
    revision: BigInt(world.revision),
  });
}

function instanceView(row: InstanceTable, replicas: readonly Replica[], world: World): Instance {
  const ids = new Set(
    world.replicas
      .filter(
        (r) =>
          r.instanceId === row.id || (r.instanceId === null && r.group === row.group_name && r.instance === row.name),
      )
      .map((r) => r.id),
  );
  return create(InstanceSchema, {
    name: row.name,
    group: row.group_name,
    service: row.service,
    variety: row.variety,
    profile: row.profile,
    replicas: row.replicas,
    owner: row.owner,
    host: row.host,
    overridden: row.overridden === 1,
    units: replicas.filter((replica) => ids.has(replica.id)),
  });
}

/** Instances that are no longer wanted and whose replicas have not ended yet. */
function leavingInstances(replicas: readonly Replica[], world: World): Instance[] {
  const wanted = new Set(world.instances.map((row) => `${row.group_name}/${row.name}`));
  const leaving = Map.groupBy(
    replicas.filter((r) => !wanted.has(`${r.group}/${r.instance}`)),
    (r) => `${r.group}/${r.instance}`,
  );
  return [...leaving.values()].map((units) => {
    const [first] = units;
    return create(InstanceSchema, {
      name: first?.instance ?? "",
      group: first?.group ?? "",
      service: first?.service ?? "",
      variety: first?.variety ?? "",
      profile: first?.profile ?? "",
      replicas: 0,
      owner: "",
      units,
    });
  });
}
