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

export const reachChecks: readonly Check[] = stages.map((stage, i) => ({
  name: names[stage],
  look({ reach: { address, failed } }) {
    if (failed === undefined || stages.indexOf(failed.stage) > i) return [];
    if (failed.stage !== stage) return undefined;
    return [{ subject: address, message: failed.message, fix: failed.hint }];
  },
}));
