// Whether the control plane can be reached, one check for each way in which that fails.
import type { Check } from "../check.ts";
import { type Stage, stages } from "../facts.ts";

const names: Readonly<Record<Stage, string>> = {
  dns: "name-lookup",
  tcp: "connection",
  tls: "tls",
  authority: "authority",
  token: "token",
};

/** Whether there is anything to reach. */
export const contextCheck: Check = {
  name: "context",
  look({ notAsked, here }) {
    if (notAsked === undefined) return [];
    const message = `the control plane was not asked. ${notAsked.message}`;
    // A host does its work without one.
    return [{ subject: "this machine", message, fix: notAsked.hint, notice: here.agent !== undefined }];
  },
};

export const reachChecks: readonly Check[] = stages.map((stage, i) => ({
  name: names[stage],
  look({ reach }) {
    if (reach === undefined) return undefined;
    const { address, failed } = reach;
    if (failed === undefined || stages.indexOf(failed.stage) > i) return [];
    if (failed.stage !== stage) return undefined;
    return [{ subject: address, message: failed.message, fix: failed.hint }];
  },
}));
