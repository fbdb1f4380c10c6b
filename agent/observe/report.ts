// A replica as it is told to the control plane.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { maskValues, secretValues } from "#core/secret.ts";
import { type Observed, ObservedSchema, ReplicaState } from "#proto/replicas_pb.ts";
import type { ObservedContainer } from "../apply/engine.ts";
import type { PullStatus } from "../apply/image-pulls.ts";
import type { Wanted } from "../plan/found.ts";
import type { ReplicaMemory } from "../plan/memory.ts";
import type { ReplicaStatus, State } from "../plan/replica-state.ts";

const states: Record<State, ReplicaState> = {
  pulling: ReplicaState.PULLING,
  starting: ReplicaState.STARTING,
  ready: ReplicaState.READY,
  unwell: ReplicaState.UNWELL,
  backoff: ReplicaState.BACKOFF,
  stopping: ReplicaState.STOPPING,
  stopped: ReplicaState.STOPPED,
  failed: ReplicaState.FAILED,
  unknown: ReplicaState.UNKNOWN,
};

export type ReportInput = {
  readonly replicaId: string;
  readonly status: ReplicaStatus;
  readonly wanted: Wanted | undefined;
  readonly memory: ReplicaMemory | undefined;
  /** Its containers, oldest attempt first. */
  readonly containers: readonly ObservedContainer[];
  readonly pull: PullStatus | undefined;
  readonly memoryBytes: number | undefined;
  /** Instances that have to be ready before it starts. */
  readonly waitsFor: readonly string[];
};

export function toObserved(input: ReportInput): Observed {
  const { replicaId, status, wanted, memory, containers, pull, memoryBytes, waitsFor } = input;
  const alive = containers.findLast(({ phase }) => phase === "running");
  const last = alive ?? containers.at(-1);
  const end = memory?.lastEnd;
  const { instance, group, service, variety, profile } = wanted?.spec ?? last ?? unnamed;
  return create(ObservedSchema, {
    replicaId,
    generation: BigInt(status.generation),
    state: states[status.state],
    since: timestampFromMs(status.since),
    attempt: Math.max(last?.attempt ?? 0, memory?.attempts ?? 0),
    starts: memory?.starts ?? 0,
    container: last?.name ?? "",
    pid: alive?.pid ?? 0,
    endpoints: alive === undefined ? [] : endpoints(alive, wanted),
    ...(pull === undefined || status.state !== "pulling" ? {} : { pull: toPull(pull) }),
    reason:
      wanted === undefined
        ? status.reason
        : maskValues(status.reason, secretValues(wanted.spec.environment, wanted.spec.secretKeys)),
    ...(end?.exitCode === undefined ? {} : { exitCode: end.exitCode }),
    outOfMemory: end?.outOfMemory ?? false,
    logTail: [...(end?.logTail ?? [])],
    instance,
    group,
    service,
    variety,
    profile,
    waitsFor: [...waitsFor],
    slot: wanted?.slot ?? last?.slot ?? 0,
    specHash: last?.specHash ?? "",
    imageId: last?.imageId ?? "",
    ...(memoryBytes === undefined || alive === undefined ? {} : { memoryBytes: BigInt(memoryBytes) }),
    ...(status.nextAttemptAt > 0 ? { nextAttempt: timestampFromMs(status.nextAttemptAt) } : {}),
  });
}

const unnamed = { instance: "", group: "", service: "", variety: "", profile: "" };

function toPull({ image, doneBytes, totalBytes, bytesPerSecond }: PullStatus) {
  return {
    image,
    doneBytes: BigInt(doneBytes),
    totalBytes: BigInt(totalBytes),
    bytesPerSecond: BigInt(bytesPerSecond),
  };
}

function endpoints(container: ObservedContainer, wanted: Wanted | undefined) {
  const ports = wanted?.spec.ports ?? [];
  if (wanted?.spec.security?.hostNetwork === true) {
    return ports.map(({ name, containerPort, protocol }) => ({
      name,
      containerPort,
      protocol,
      address: "127.0.0.1",
      port: containerPort,
    }));
  }
  return container.ports
    .filter(({ hostPort }) => hostPort > 0)
    .map(({ containerPort, hostPort, hostAddress, transport }) => {
      const named = ports.find(
        (port) => port.containerPort === containerPort && (port.transport || "tcp") === transport,
      );
      return {
        name: named?.name ?? "",
        protocol: named?.protocol ?? "",
        containerPort,
        port: hostPort,
        address: hostAddress,
      };
    });
}
