// Finds the replica whose output or shell is asked for.
import { OzError } from "#core/errors.ts";
import { nameInGroup } from "#core/names.ts";
import { requireInstance } from "../change/edits.ts";
import { replicaViews, unknownViews } from "../view/replica-view.ts";
import type { Replica } from "#proto/replicas_pb.ts";
import type { ApiContext } from "./context.ts";

export type ChannelTarget = { readonly hostId: string; readonly replica: Replica };

/** Replicas of an instance that are bound to a host that answers; of one slot when given. Throws not_found or unavailable. */
export async function channelTargets(
  context: ApiContext,
  group: string,
  name: string,
  slot: number | undefined,
): Promise<ChannelTarget[]> {
  const world = await context.world();
  const live = context.hub.hosts();
  const typed = nameInGroup(group, name);
  const all = [...replicaViews(world, live), ...unknownViews(world, live)].filter(
    (r) => r.instance === name && r.group === (group || "default"),
  );
  if (all.length === 0) {
    requireInstance(world, group, name);
    throw new OzError("precondition", `${name} has no replica`, { hint: `Start it: ozctl up ${typed}` });
  }
  const chosen = slot === undefined ? all : all.filter((replica) => replica.slot === slot);
  if (chosen.length === 0)
    throw new OzError("not_found", `${name} has no replica ${slot}`, {
      hint: `It has: ${all.map((r) => r.slot).join(", ")}.`,
    });
  const placed = chosen.filter((replica) => replica.host !== "");
  if (placed.length === 0)
    throw new OzError("precondition", `${name} is not placed: ${chosen[0]?.reason ?? ""}`, {
      hint: `ozctl why ${typed}`,
    });
  return placed.map((replica) => ({
    hostId: world.hosts.find((h) => h.name === replica.host && h.state === "active")?.id ?? "",
    replica,
  }));
}
