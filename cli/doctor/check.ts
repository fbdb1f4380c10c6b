// What a check is and what it finds.
import type { Facts } from "./facts.ts";

export type Trouble = {
  /** Whose trouble: a host, an instance, "control plane", "this machine". */
  readonly subject: string;
  readonly message: string;
  /** What to type or change. */
  readonly fix: string;
  /** True for what works now and will hurt some day; it does not change the exit code. */
  readonly notice?: boolean;
};

export type Check = {
  /** Kebab-case, unique; docs/cli.md lists it. */
  readonly name: string;
  /** Pure. Undefined when it cannot be known; empty when all is well. */
  look(facts: Facts): readonly Trouble[] | undefined;
};

export type Finding = {
  readonly check: string;
  readonly result: "ok" | "notice" | "problem" | "unknown";
  readonly troubles: readonly Trouble[];
};

/** Runs every check, in order. */
export function diagnose(checks: readonly Check[], facts: Facts): Finding[] {
  return checks.map(({ name, look }) => {
    const troubles = look(facts);
    if (troubles === undefined) return { check: name, result: "unknown", troubles: [] };
    if (troubles.length === 0) return { check: name, result: "ok", troubles };
    return { check: name, result: troubles.every((one) => one.notice === true) ? "notice" : "problem", troubles };
  });
}

/** A check of each host that has an inventory; unknown when there is none. */
export function everyHost(
  name: string,
  look: (host: Facts["hosts"][number], facts: Facts) => Omit<Trouble, "subject"> | undefined,
): Check {
  return {
    name,
    look(facts) {
      const known = facts.hosts.filter((host) => host.inventory !== undefined);
      if (known.length === 0) return undefined;
      return known.flatMap((host) => {
        const trouble = look(host, facts);
        return trouble === undefined ? [] : [{ subject: host.name, ...trouble }];
      });
    },
  };
}

/** True when a dotted version is lower: "19.03.8" < "20.10". False for what is no version. */
export function isOlder(version: string, than: string): boolean {
  const parts = (text: string) => text.split(".").map((part) => Number.parseInt(part, 10));
  const [have, want] = [parts(version), parts(than)];
  if (Number.isNaN(have[0] ?? Number.NaN)) return false;
  for (const [i, part] of want.entries()) {
    const mine = have[i] ?? 0;
    if (mine !== part) return mine < part;
  }
  return false;
}
