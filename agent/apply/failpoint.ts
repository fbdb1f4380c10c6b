// A hook for tests: OZWALD_FAILPOINT="create:2:kill" ends the agent with SIGKILL the second time it comes to the point "create";
// "fail" throws there instead, and "hang" stays there. Several are separated by commas. Without the variable nothing happens.
import { OzError } from "#core/errors.ts";

/** Each effect has a point before it and one after it. */
export type FailpointName =
  | "journal"
  | "journaled"
  | "pull"
  | "pulled"
  | "network"
  | "create"
  | "created"
  | "start"
  | "started"
  | "stop"
  | "stopped"
  | "remove"
  | "removed"
  | "record"
  | "recorded"
  | "forget"
  | "forgotten";

export type Failpoint = (name: FailpointName) => Promise<void> | void;

export const noFailpoint: Failpoint = () => {};

/** Reads the variable; `kill` ends the process at once. Throws bad_request when it cannot be understood. */
export function parseFailpoints(text: string, kill: () => void): Failpoint {
  if (text.trim() === "") return noFailpoint;
  const rules = text.split(",").map((part) => {
    const [name, nth, what] = part.trim().split(":");
    if (!name || !(Number(nth) >= 1) || !["kill", "fail", "hang"].includes(what ?? "")) {
      throw new OzError("bad_request", `OZWALD_FAILPOINT: cannot read "${part}"`, {
        hint: 'It has the form "create:2:kill".',
      });
    }
    return { name, nth: Number(nth), what, seen: 0 };
  });
  return async (name) => {
    for (const rule of rules.filter((each) => each.name === name)) {
      if (++rule.seen !== rule.nth) continue;
      if (rule.what === "kill") kill();
      if (rule.what === "hang") await new Promise(() => {});
      throw new OzError("internal", `failpoint ${name}`);
    }
  };
}
