// Tells every host the complete set of what it shall run, whenever that set changed.
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Assignment, AssignmentSchema } from "#proto/agent_pb.ts";
import { ClaimSchema } from "#proto/inventory_pb.ts";
import type { StoredReplica, World } from "../world.ts";

export type AssignmentContext = { epoch: number; incarnation: string };

/** The complete set of one host: pure, so that equal worlds give equal sets. */
export function assignmentFor(hostId: string, world: World, context: AssignmentContext): Assignment {
  const mine = world.replicas.filter((replica) => replica.hostId === hostId).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return create(AssignmentSchema, {
    clusterEpoch: BigInt(context.epoch),
    incarnation: context.incarnation,
    revision: BigInt(world.revision),
    run: mine.filter((replica) => replica.wish === "run").map(replicaAssignment),
    retire: mine.filter((replica) => replica.wish === "retire").map((replica) => replica.id),
  });
}

function replicaAssignment(replica: StoredReplica) {
  return {
    replicaId: replica.id,
    generation: BigInt(replica.generation),
    slot: replica.slot,
    spec: replica.spec,
    specHash: replica.specHash,
    claims: (JSON.parse(replica.claims) as JsonValue[]).map((claim) => fromJson(ClaimSchema, claim)),
  };
}

/** What decides whether a set has to be sent again. */
export function assignmentKey(assignment: Assignment): string {
  return JSON.stringify([
    String(assignment.clusterEpoch),
    assignment.run.map((r) => [r.replicaId, String(r.generation), r.specHash]),
    assignment.retire,
  ]);
}

export type AssignmentPort = { assign(hostId: string, assignment: Assignment): void };

/** Sends what changed. Keeps no truth: after a restart everything is sent once more. */
export function createAssigner(
  hub: AssignmentPort,
  context: () => AssignmentContext,
): (world: World, hostIds: readonly string[]) => void {
  const sent = new Map<string, string>();
  return (world, hostIds) => {
    for (const hostId of hostIds) {
      const assignment = assignmentFor(hostId, world, context());
      const key = assignmentKey(assignment);
      if (sent.get(hostId) === key) continue;
      sent.set(hostId, key);
      hub.assign(hostId, assignment);
    }
  };
}
