// A host that cannot take a replica says so; the replica is freed and placed once more elsewhere, then it waits with the reason.
import { formatBytes } from "#core/units.ts";
import type { AssignmentResult, Rejected } from "#proto/agent_pb.ts";
import { instanceSubject } from "../store/events.ts";
import { updateReplica } from "../store/replicas.ts";
import type { Store } from "../store/store.ts";
import type { World } from "../world.ts";

export async function takeRejections(
  options: { store: Store; world(): Promise<World> },
  hostId: string,
  result: AssignmentResult,
): Promise<void> {
  const world = await options.world();
  const host = world.hosts.find((h) => h.id === hostId)?.name ?? hostId;
  const concerned = result.rejected.flatMap((rejected) => {
    const replica = world.replicas.find(
      (r) =>
        r.id === rejected.replicaId &&
        r.hostId === hostId &&
        BigInt(r.generation) === rejected.generation &&
        r.wish === "run",
    );
    return replica === undefined ? [] : [{ replica, reason: `${host} ${rejectionText(rejected)}` }];
  });
  if (concerned.length === 0) return;
  await options.store.commit(undefined, async ({ trx, event }) => {
    for (const { replica, reason } of concerned) {
      const rejected_by = JSON.stringify([...new Set([...replica.rejectedBy, hostId])]);
      // One that ran there before keeps its place: its older generation goes on running, and moving it is a person's decision.
      const free = replica.observed === undefined ? { host_id: null } : {};
      await updateReplica(trx, replica.id, { ...free, rejected_by, reason });
      await event({
        kind: "replica.rejected",
        subject: instanceSubject(replica.group, replica.instance),
        message: reason,
      });
    }
  });
}

export function rejectionText({ resource, needBytes, freeBytes, holder }: Rejected): string {
  const what = resource === "ram" ? "RAM" : resource === "disk" ? "disk" : `VRAM on ${resource}`;
  return `turned it down: needs ${formatBytes(needBytes)} ${what}, ${formatBytes(freeBytes)} free${holder === "" ? "" : `, ${holder} holds the rest`}`;
}
