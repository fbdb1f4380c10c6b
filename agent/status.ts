// What the agent says of itself to `ozwald-agent status`.
import { version } from "#core/version.ts";
import { formatDuration } from "#core/units.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import type { Brain } from "./brain.ts";
import type { HostIdentity } from "./link/identity-files.ts";
import type { ControlMove } from "./link/control-move.ts";
import type { AgentLink } from "./link/session.ts";

export type AgentStatus = {
  readonly version: string;
  readonly host: string;
  readonly host_id: string;
  readonly cluster_id: string;
  readonly control_plane: string;
  /** Why a better address of the control plane is not dialled; empty when none is better. */
  readonly address_problem: string;
  readonly pid: number;
  readonly up_ms: number;
  /** "ready" when the control plane is connected. */
  readonly link: string;
  readonly link_reason: string;
  /** Why the container engine cannot be used; empty when it can. */
  readonly engine_problem: string;
  readonly replicas: readonly {
    readonly id: string;
    readonly instance: string;
    readonly state: string;
    readonly reason: string;
    readonly pid: number;
  }[];
};

export function agentStatus(input: {
  identity: HostIdentity;
  brain: Brain;
  link: Pick<AgentLink, "state" | "dialed">;
  move: Pick<ControlMove, "problem">;
  startedAt: number;
  now: number;
}): AgentStatus {
  const { identity, brain, move, startedAt, now } = input;
  const link = input.link.state();
  return {
    version,
    host: identity.name,
    host_id: identity.hostId,
    cluster_id: identity.clusterId,
    control_plane: input.link.dialed(),
    address_problem: move.problem(),
    pid: process.pid,
    up_ms: now - startedAt,
    link: link.state,
    link_reason: "reason" in link ? link.reason : "",
    engine_problem: brain.engineProblem(),
    replicas: brain.observed().map(({ replicaId, instance, state, reason, pid }) => ({
      id: replicaId,
      instance,
      state: stateName(state),
      reason,
      pid,
    })),
  };
}

function stateName(state: number): string {
  return (
    Object.entries(ReplicaState)
      .find(([, value]) => value === state)?.[0]
      .toLowerCase() ?? String(state)
  );
}

/** The same for people. */
export function statusText(status: AgentStatus): string {
  const link =
    status.link === "ready"
      ? "connected"
      : `${status.link}${status.link_reason === "" ? "" : ` (${status.link_reason})`}`;
  const lines = [
    `ozwald-agent ${status.version} as ${status.host}, up ${formatDuration(status.up_ms)}`,
    `control plane  ${status.control_plane}  ${link}`,
    ...(status.address_problem === "" ? [] : [`better address ${status.address_problem}`]),
    `engine         ${status.engine_problem === "" ? "fine" : status.engine_problem}`,
    ...status.replicas.map(({ instance, state, reason }) =>
      `  ${instance.padEnd(20)} ${state.padEnd(9)} ${reason}`.trimEnd(),
    ),
  ];
  return `${lines.join("\n")}\n`;
}
