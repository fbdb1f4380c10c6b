// Every check, in the order in which a person would look.
import type { Check } from "./check.ts";
import { controlPlaneChecks } from "./checks/control-plane.ts";
import { engineChecks } from "./checks/engine.ts";
import { gpuChecks } from "./checks/gpu.ts";
import { hostChecks } from "./checks/hosts.ts";
import { contextCheck, reachChecks } from "./checks/reach.ts";
import { replicaChecks } from "./checks/replicas.ts";
import { spaceChecks } from "./checks/space.ts";
import { thisMachineChecks } from "./checks/this-machine.ts";

export const allChecks: readonly Check[] = [
  contextCheck,
  ...reachChecks,
  ...controlPlaneChecks,
  ...hostChecks,
  ...engineChecks,
  ...spaceChecks,
  ...gpuChecks,
  ...replicaChecks,
  ...thisMachineChecks,
];
