// The numbers of ReplicaState without the descriptors they come with: loading those would be a third of the time `ozctl ps` takes.
import type { ReplicaState } from "#proto/replicas_pb.ts";

/** Equal to the contract's enum; the compiler checks it. */
export const replicaState = {
  UNSPECIFIED: 0,
  PENDING: 1,
  ASSIGNED: 2,
  PULLING: 3,
  STARTING: 4,
  READY: 5,
  UNWELL: 6,
  BACKOFF: 7,
  STOPPING: 8,
  STOPPED: 9,
  FAILED: 10,
  UNKNOWN: 11,
  LOST: 12,
} as const satisfies typeof ReplicaState;

const words = Object.fromEntries(Object.entries(replicaState).map(([name, value]) => [value, name.toLowerCase()]));

/** "ready", "pulling"; "-" when nothing was said yet. */
export function stateWord(state: number): string {
  return state === replicaState.UNSPECIFIED ? "-" : (words[state] ?? "-");
}
