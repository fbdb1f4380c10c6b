// Operations, as the API shows them.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Operation, OperationSchema, OperationState } from "#proto/operations_pb.ts";
import type { Replica } from "#proto/replicas_pb.ts";
import type { Target } from "../change/targets.ts";
import { planFromJson } from "./plan-json.ts";
import type { OperationTable } from "../store/tables.ts";

export type OperationRow = Omit<OperationTable, "id"> & { id: number };

const states = {
  running: OperationState.RUNNING,
  done: OperationState.DONE,
  failed: OperationState.FAILED,
  cancelled: OperationState.CANCELLED,
  superseded: OperationState.SUPERSEDED,
} as const;

export function targetsFromJson(text: string): Target[] {
  return JSON.parse(text) as Target[];
}

export function operationView(row: OperationRow, replicas: readonly Replica[]): Operation {
  const byId = new Map(replicas.map((replica) => [replica.id, replica]));
  return create(OperationSchema, {
    id: BigInt(row.id),
    kind: row.kind,
    title: row.title,
    state: states[row.state],
    plan: planFromJson(row.plan),
    actor: row.actor,
    started: timestampFromMs(row.started_at),
    ...(row.ended_at === null ? {} : { ended: timestampFromMs(row.ended_at) }),
    steps: targetsFromJson(row.targets).map((target) => {
      const replica = byId.get(target.replicaId);
      const { instance, group, slot, action, failed, reason } = target;
      return {
        instance,
        group,
        slot,
        action,
        failed,
        reason,
        host: replica?.host || target.host,
        done: target.endedAt !== null && !failed,
        tookMs: BigInt(target.endedAt === null ? 0 : target.endedAt - target.startedAt),
        ...(replica === undefined ? {} : { replica }),
      };
    }),
  });
}
