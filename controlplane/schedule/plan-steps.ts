// A plan as people read it.
import { create } from "@bufbuild/protobuf";
import { type Plan, PlanAction, PlanSchema, type PlanStep, PlanStepSchema } from "#proto/settings_pb.ts";
import { relaxations } from "#core/settings/relaxations.ts";
import { settingsDiff } from "#core/settings/settings-diff.ts";
import { compareText } from "#core/text-order.ts";
import type { Change } from "./plan-replicas.ts";
import type { HostView, ReplicaView } from "./snapshot.ts";

export function planSteps(changes: readonly Change[], hosts: readonly HostView[]): PlanStep[] {
  return changes.map((change) => planStep(change, hosts)).toSorted(byName);
}

export function makePlan(
  project: string,
  fromRevision: number,
  toRevision: number,
  steps: PlanStep[],
  notices: readonly string[],
): Plan {
  return create(PlanSchema, {
    project,
    fromRevision: BigInt(fromRevision),
    toRevision: BigInt(toRevision),
    steps,
    notices: [...notices],
  });
}

/** True when carrying out the plan changes anything that runs or waits to run. */
export function changesAnything(steps: readonly PlanStep[]): boolean {
  return steps.some((step) => step.action !== PlanAction.KEEP);
}

function planStep(change: Change, hosts: readonly HostView[]): PlanStep {
  const { replica } = change;
  const host = hosts.find((h) => h.id === replica.hostId);
  const { action, reason } = verdict(change);
  return create(PlanStepSchema, {
    action,
    reason,
    ...names(replica),
    host: host?.name ?? "",
    replicaId: replica.id,
    relaxations: relaxations(replica.spec),
    needsPull: host !== undefined && !hasImage(host, replica.spec.image),
    memoryBytes: replica.spec.resources?.memoryBytes ?? 0n,
    candidates:
      change.do === "unplaced" || (change.do === "create" && replica.hostId === null) ? [...change.candidates] : [],
  });
}

function verdict(change: Change): { action: PlanAction; reason: string } {
  switch (change.do) {
    case "create":
      return change.replica.hostId === null
        ? { action: PlanAction.UNPLACED, reason: change.replica.reason }
        : { action: PlanAction.START, reason: "new" };
    case "place":
      return { action: PlanAction.START, reason: "a host fits now" };
    case "unplaced":
      return { action: PlanAction.UNPLACED, reason: change.replica.reason };
    case "respec":
      return {
        action: PlanAction.RESTART,
        reason: settingsDiff(change.before.spec, change.replica.spec) || "restart asked for",
      };
    case "stay":
      return {
        action: PlanAction.UNPLACED,
        reason: `does not fit where it runs: ${change.why}. What runs is left as it is`,
      };
    case "adopt":
      return change.replica.generation === change.unknown.generation
        ? { action: PlanAction.KEEP, reason: "runs already; taken back" }
        : { action: PlanAction.RESTART, reason: "runs already, with other settings; taken back" };
    case "retire":
    case "forget":
      return { action: PlanAction.STOP, reason: change.why };
    case "keep":
      return change.replica.hostId === null
        ? { action: PlanAction.UNPLACED, reason: change.replica.reason }
        : { action: PlanAction.KEEP, reason: "" };
  }
}

function names(replica: ReplicaView): {
  instance: string;
  group: string;
  slot: number;
  service: string;
  variety: string;
  profile: string;
  image: string;
} {
  const { service, variety, profile, image } = replica.spec;
  return { instance: replica.instance, group: replica.group, slot: replica.slot, service, variety, profile, image };
}

/** Images that a host has to fetch while another host has them: an image built by hand is in no registry. */
export function imageNotices(steps: readonly PlanStep[], hosts: readonly HostView[]): string[] {
  const notices = steps
    .filter((step) => step.needsPull && (step.action === PlanAction.START || step.action === PlanAction.RESTART))
    .flatMap((step) => {
      const holders = hosts
        .filter((host) => host.name !== step.host && hasImage(host, step.image))
        .map((host) => host.name);
      if (holders.length === 0) return [];
      return [
        `${step.image} is on ${holders.join(", ")} and not on ${step.host}, which will ask its registry. Built by hand? Then: docker save ${step.image} | ssh ${step.host} docker load`,
      ];
    });
  return [...new Set(notices)];
}

/** True when the host has the image, as it is written or as "ozwald-<image>". */
export function hasImage(host: HostView, image: string): boolean {
  const images = host.inventory?.images ?? [];
  const tagged = image.includes("@") || /:[^/]+$/.test(image) ? image : `${image}:latest`;
  return images.includes(tagged) || images.includes(`ozwald-${tagged}`);
}

function byName(a: PlanStep, b: PlanStep): number {
  return compareText(a.group, b.group) || compareText(a.instance, b.instance) || a.slot - b.slot || b.action - a.action;
}
