// Looks at the container engine and notices when it was away, so that what died with it is not held against the replicas.
import type { Clock } from "#core/clock.ts";
import { toOzError } from "#core/errors.ts";
import type { ContainerEngine, ObservedContainer } from "../apply/engine.ts";
import type { Outage } from "../plan/found.ts";

export type Observer = {
  /** Everything of our cluster. Throws when the engine does not answer. */
  observe(): Promise<readonly ObservedContainer[]>;
  /** The engine stops or restarts: it is away until a look that begins from now on succeeds, even if none fails. */
  lost(): void;
  /** When the engine was away, newest last; at most the last few. */
  outages(): readonly Outage[];
  /** Why the engine cannot be used now; empty when it can. */
  problem(): string;
};

const keptOutages = 5;

/** `rebootedAt` is when this boot of the host was first seen, or 0: everything that ended before it ended with the host. */
export function createObserver(deps: {
  engine: Pick<ContainerEngine, "list">;
  clock: Clock;
  rebootedAt: number;
  /** Called when the engine went away (with the reason) and when it came back (empty). */
  onProblem: (problem: string) => void;
}): Observer {
  const { engine, clock } = deps;
  let outages: Outage[] = deps.rebootedAt > 0 ? [{ from: 0, to: deps.rebootedAt }] : [];
  let awaySince = 0;
  let problem = "";
  function tell(next: string): void {
    const changed = (next === "") !== (problem === "");
    problem = next;
    if (changed) deps.onProblem(problem);
  }
  return {
    async observe() {
      const asked = clock.now();
      try {
        const found = await engine.list();
        if (awaySince > 0 && asked >= awaySince) {
          outages = [...outages, { from: awaySince, to: clock.now() }].slice(-keptOutages);
          awaySince = 0;
        }
        tell("");
        return found;
      } catch (error) {
        awaySince ||= asked;
        tell(toOzError(error).message);
        throw error;
      }
    },
    lost() {
      awaySince ||= clock.now();
    },
    outages: () => outages,
    problem: () => problem,
  };
}
