// Finds the replica that a forwarded connection goes to, and the port inside it.
import { create } from "@bufbuild/protobuf";
import { OzError } from "#core/errors.ts";
import { nameInGroup } from "#core/names.ts";
import { type ForwardStart, type ForwardTarget, ForwardTargetSchema } from "#proto/forward_pb.ts";
import { type Replica, ReplicaState } from "#proto/replicas_pb.ts";
import type { Port, ReplicaSpec } from "#proto/spec_pb.ts";
import { type ChannelTarget, channelTargets } from "./channel-target.ts";
import type { ApiContext } from "./context.ts";

/** Where one connection may go. */
export type ForwardChoice = { readonly hostId: string; readonly target: ForwardTarget };

/**
 * Every replica that can be reached now, those that are ready only, lowest slot first. With a slot also one that runs and is not ready:
 * who names it wants that one. Throws not_found, or precondition saying how the replicas stand.
 */
export async function forwardChoices(context: ApiContext, start: ForwardStart): Promise<ForwardChoice[]> {
  const { group, instance, slot } = start;
  const targets = await channelTargets(context, group, instance, slot);
  const usable = targets.filter(({ hostId, replica }) => hostId !== "" && mayTake(replica, slot !== undefined));
  if (usable.length === 0) throw noneReady(group, instance, targets);
  const { replicas } = await context.world();
  return usable.map(({ hostId, replica }) => {
    const spec = replicas.find((stored) => stored.id === replica.id)?.spec;
    const port = chosenPort(nameInGroup(group, instance), knownPorts(spec), start.containerPort);
    const { id: replicaId, host } = replica;
    return { hostId, target: create(ForwardTargetSchema, { replicaId, slot: replica.slot, host, ...port }) };
  });
}

function mayTake({ state }: Replica, named: boolean): boolean {
  if (state === ReplicaState.READY) return true;
  return named && (state === ReplicaState.STARTING || state === ReplicaState.UNWELL || state === ReplicaState.UNKNOWN);
}

function noneReady(group: string, instance: string, targets: readonly ChannelTarget[]): OzError {
  const typed = nameInGroup(group, instance);
  const states = [...new Set(targets.map(({ replica }) => stateWord(replica.state)))].join(", ");
  return new OzError("precondition", `${typed} has no replica that is ready (${states})`, {
    hint: `See why: ozctl why ${typed}`,
  });
}

function stateWord(state: Replica["state"]): string {
  const word = Object.entries(ReplicaState).find(([, value]) => value === state)?.[0];
  return (word ?? "unknown").toLowerCase();
}

/** What the settings say about ports, published ones first: the port that a check asks is one too. */
function knownPorts(spec: ReplicaSpec | undefined): KnownPort[] {
  const probed = (spec?.health?.probes ?? []).flatMap(({ check }): KnownPort[] => {
    if (check.case !== "http" && check.case !== "tcp") return [];
    return [{ containerPort: check.value.port, transport: "tcp", protocol: check.case }];
  });
  return [...(spec?.ports ?? []), ...probed];
}

export type KnownPort = Pick<Port, "containerPort" | "transport" | "protocol">;

/** Exported for tests. Throws bad_request for a number that is no port, precondition when none is named and the settings have none. */
export function chosenPort(
  typed: string,
  ports: readonly KnownPort[],
  wanted: number,
): { containerPort: number; protocol: string } {
  if (wanted > 65_535) throw new OzError("bad_request", `${wanted} is no port`, { hint: "Ports go from 1 to 65535." });
  const tcp = ports.filter(({ transport }) => transport !== "udp");
  if (wanted > 0) {
    const known = tcp.find(({ containerPort }) => containerPort === wanted);
    return { containerPort: wanted, protocol: known?.protocol ?? "" };
  }
  const first = tcp.find(({ protocol }) => protocol === "http") ?? tcp[0];
  if (first !== undefined) return { containerPort: first.containerPort, protocol: first.protocol };
  throw new OzError("precondition", `the settings of ${typed} name no TCP port and no check of one`, {
    hint: "Say which one inside the container: --remote-port N",
  });
}
