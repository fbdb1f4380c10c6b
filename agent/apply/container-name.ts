// The names that our containers, networks and hosts inside get from what they are. Pure.
import { createHash } from "node:crypto";
import type { ContainerPlan } from "./engine.ts";

const longestName = 128;
const longestPart = 40;

/**
 * `ozwald-<group>-<instance>-<slot>-<generation>.<attempt>-<first 6 of the replica id>`, at most 128 characters.
 * The replica id keeps two clusters on one engine, and two names that were cut to the same length, apart.
 */
export function containerName(
  plan: Pick<ContainerPlan, "replicaId" | "generation" | "attempt" | "slot"> & {
    spec: { group: string; instance: string };
  },
): string {
  const replica = safePart(plan.replicaId).slice(0, 6);
  const number = `${plan.slot}-${plan.generation}.${plan.attempt}`;
  const name = `ozwald-${safePart(plan.spec.group)}-${safePart(plan.spec.instance)}-${number}-${replica}`;
  return name.slice(0, longestName);
}

/** `ozwald-<first 6 of the cluster>-<group>`: the private network of a group; a name that is cut gets a mark, so that it is no other's. */
export function networkName(clusterId: string, group: string): string {
  return ofGroup(clusterId, group, safePart(group) !== group);
}

/**
 * `ozwald-<first 6 of the cluster>-<group>-<name>`: a group's own volume. A foreign one of the plain name is never mounted by chance.
 * A group with a dash gets a mark too: its volume would be another group's otherwise (c of a-b, and b-c of a).
 */
export function volumeName(clusterId: string, group: string, name: string): string {
  return `${ofGroup(clusterId, group, safePart(group) !== group || group.includes("-"))}-${name}`;
}

function ofGroup(clusterId: string, group: string, isMarked: boolean): string {
  const mark = isMarked ? `.${createHash("sha256").update(group).digest("hex").slice(0, 8)}` : "";
  return `ozwald-${safePart(clusterId).slice(0, 6)}-${safePart(group)}${mark}`;
}

/** Name that a replica gives itself inside: `<instance>-<slot>` in the letters that host names allow, at most 63. */
export function insideHostname(instance: string, slot: number): string {
  const end = `-${slot}`;
  const start = instance
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63 - end.length);
  return `${start === "" ? "replica" : start}${end}`;
}

/** A part of a name in the letters that engines allow; never empty. */
function safePart(text: string): string {
  const safe = text.replaceAll(/[^A-Za-z0-9_.-]+/g, "-").slice(0, longestPart);
  return safe === "" ? "default" : safe;
}
