// Container plans for tests: complete, harmless, with whatever the test wants to be different.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ReplicaSpecSchema } from "#proto/spec_pb.ts";
import type { ContainerPlan } from "../../agent/apply/engine.ts";
import { busyboxImage } from "./busybox-image.ts";

export type PlanChanges = Partial<Omit<ContainerPlan, "spec">> & { spec?: MessageInitShape<typeof ReplicaSpecSchema> };

/** A plan for a busybox that sleeps. */
export function containerPlan(changes: PlanChanges = {}): ContainerPlan {
  const { spec, ...rest } = changes;
  const image = rest.image ?? busyboxImage;
  return {
    clusterId: "testcluster",
    replicaId: "r0abcdefghjk",
    generation: 1,
    attempt: 1,
    slot: 0,
    specHash: "hash",
    image,
    hostPorts: {},
    ...rest,
    spec: create(ReplicaSpecSchema, {
      instance: "web",
      group: "default",
      service: "web",
      image,
      command: ["sleep", "600"],
      ...spec,
    }),
  };
}
