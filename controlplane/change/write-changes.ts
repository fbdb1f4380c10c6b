// Writes an edit and the changes that planning made of it. Decides nothing.
import { toJson, toJsonString } from "@bufbuild/protobuf";
import { type Claim, ClaimSchema } from "#proto/inventory_pb.ts";
import { ReplicaSpecSchema } from "#proto/spec_pb.ts";
import type { Change } from "../schedule/plan-replicas.ts";
import type { ReplicaView } from "../schedule/snapshot.ts";
import { instanceSubject } from "../store/events.ts";
import { deleteInstances, upsertInstance } from "../store/instances.ts";
import { upsertProject } from "../store/projects.ts";
import { deleteReplica, insertReplica, updateReplica } from "../store/replicas.ts";
import type { Commit } from "../store/store.ts";
import type { ReplicaTable } from "../store/tables.ts";
import type { Edit } from "./change.ts";

export async function writeEdit({ trx }: Commit, edit: Edit, now: number): Promise<void> {
  if (edit.project !== undefined) {
    await upsertProject(trx, {
      name: edit.project.name,
      files: edit.project.files,
      settings: JSON.stringify(edit.project.settings),
      applied_at: now,
    });
  }
  await deleteInstances(trx, edit.remove);
  for (const row of edit.upsert) await upsertInstance(trx, row);
}

export async function writeChanges(commit: Commit, changes: readonly Change[], now: number): Promise<void> {
  for (const change of changes) await writeChange(commit, change, now);
}

async function writeChange({ trx, event }: Commit, change: Change, now: number): Promise<void> {
  const { replica } = change;
  const subject = instanceSubject(replica.group, replica.instance);
  switch (change.do) {
    case "keep":
      return;
    case "stay":
      return event({ kind: "replica.unplaced", subject, message: `its new form does not fit: ${change.why}` });
    case "create":
      await insertReplica(trx, row(replica, change.claims, now));
      if (replica.hostId === null) await event({ kind: "replica.unplaced", subject, message: replica.reason });
      return;
    case "adopt":
      if (change.instead !== undefined) await deleteReplica(trx, change.instead.id);
      await insertReplica(trx, row(replica, change.claims, now));
      return event({ kind: "replica.adopted", subject, message: "runs already; taken back" });
    case "place":
    case "respec":
      return updateReplica(trx, replica.id, bindingOf(replica, change.claims));
    case "unplaced":
      await updateReplica(trx, replica.id, bindingOf(replica, []));
      return event({ kind: "replica.unplaced", subject, message: replica.reason });
    case "retire":
      return updateReplica(trx, replica.id, { wish: "retire", instance_id: null });
    case "forget":
      return deleteReplica(trx, replica.id);
  }
}

type Binding = Pick<
  ReplicaTable,
  "host_id" | "generation" | "spec" | "spec_hash" | "claims" | "rejected_by" | "reason"
>;

function bindingOf(replica: ReplicaView, claims: readonly Claim[]): Binding {
  return {
    host_id: replica.hostId,
    generation: replica.generation,
    spec: toJsonString(ReplicaSpecSchema, replica.spec),
    spec_hash: replica.specHash,
    claims: JSON.stringify(claims.map((claim) => toJson(ClaimSchema, claim))),
    rejected_by: JSON.stringify(replica.rejectedBy),
    reason: replica.reason,
  };
}

function row(replica: ReplicaView, claims: readonly Claim[], now: number): ReplicaTable {
  return {
    id: replica.id,
    instance_id: replica.instanceId,
    group_name: replica.group,
    instance_name: replica.instance,
    slot: replica.slot,
    wish: replica.wish,
    observed: "",
    created_at: now,
    ...bindingOf(replica, claims),
  };
}
