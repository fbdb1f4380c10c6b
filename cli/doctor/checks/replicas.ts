// Instances that are not what was asked for: failed, without a place, or running although nobody wants them.
import { ReplicaState } from "#proto/replicas_pb.ts";
import type { Check, Trouble } from "../check.ts";
import type { Facts } from "../facts.ts";

function units(state: ReplicaState, fix: (name: string) => string, fallback: string) {
  return ({ status, instances }: Facts): readonly Trouble[] | undefined => {
    if (status === undefined) return undefined;
    return instances.flatMap(({ name, group, units: replicas }) => {
      const subject = group === "default" || group === "" ? name : `${group}:${name}`;
      const [first, ...more] = replicas.filter((replica) => replica.state === state);
      if (first === undefined) return [];
      const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
      return [{ subject, message: `${first.reason || fallback}${others}`, fix: fix(subject) }];
    });
  };
}

export const replicaChecks: readonly Check[] = [
  {
    name: "instances-failed",
    look: units(
      ReplicaState.FAILED,
      (name) => `ozctl logs --previous ${name} says why; when that is mended:  ozctl restart ${name}`,
      "its restarts are used up",
    ),
  },
  {
    name: "instances-unwell",
    look: units(ReplicaState.UNWELL, (name) => `ozctl logs ${name}`, "it runs and fails its checks"),
  },
  {
    name: "instances-unplaced",
    look: units(
      ReplicaState.PENDING,
      (name) => `ozctl why ${name} lists every host and what it lacks.`,
      "no host fits",
    ),
  },
  {
    name: "replicas-unknown",
    look: ({ status, unknown }) =>
      status === undefined
        ? undefined
        : unknown.map(({ id, host, instance }) => ({
            subject: `${host}/${id}`,
            message: `it runs as ${instance} and nobody wants it`,
            fix: `Keep it:  ozctl adopt ${host}/${id}        End it:  ozctl retire ${host}/${id}`,
            notice: true,
          })),
  },
];
