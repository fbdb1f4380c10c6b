// Short ways to write wanted replicas and containers in tests.
import { create } from "@bufbuild/protobuf";
import { specHash } from "#core/spec-hash.ts";
import { type Assignment, AssignmentSchema, type ReplicaAssignment, ReplicaAssignmentSchema } from "#proto/agent_pb.ts";
import { type ReplicaSpec, ReplicaSpecSchema } from "#proto/spec_pb.ts";
import type { FoundContainer, Wanted } from "../plan/found.ts";

type SpecInit = Parameters<typeof create<typeof ReplicaSpecSchema>>[1];

export function spec(init: SpecInit = {}): ReplicaSpec {
  return create(ReplicaSpecSchema, { instance: "web", group: "default", service: "web", image: "web:1", ...init });
}

export function wanted(replicaId: string, generation = 1, init: SpecInit = {}): Wanted {
  return { replicaId, generation, slot: 0, spec: spec({ instance: replicaId, ...init }), specHash: "h", claims: [] };
}

export function assigned(replicaId: string, generation = 1, init: SpecInit = {}, ramBytes = 0): ReplicaAssignment {
  const made = spec({ instance: replicaId, ...init });
  const claims = ramBytes > 0 ? [{ resource: "ram", bytes: BigInt(ramBytes), origin: "declared" }] : [];
  return create(ReplicaAssignmentSchema, {
    replicaId,
    generation: BigInt(generation),
    spec: made,
    specHash: specHash(made),
    claims,
  });
}

export function assignment(
  run: ReplicaAssignment[],
  options: { retire?: string[]; revision?: number; epoch?: number; incarnation?: string } = {},
): Assignment {
  const { retire = [], revision = 1, epoch = 1, incarnation = "inc" } = options;
  return create(AssignmentSchema, {
    clusterEpoch: BigInt(epoch),
    revision: BigInt(revision),
    incarnation,
    run,
    retire,
  });
}

export function container(replicaId: string, attempt: number, init: Partial<FoundContainer> = {}): FoundContainer {
  return {
    id: `${replicaId}.${init.generation ?? 1}.${attempt}`,
    replicaId,
    attempt,
    generation: 1,
    instance: replicaId,
    group: "default",
    phase: "running",
    startedAt: 1_000,
    endedAt: 0,
    exitCode: 0,
    outOfMemory: false,
    error: "",
    ports: [],
    ...init,
  };
}
