// docker kill of a replica: how long beyond the configured delay until it runs again, and until that is told.
import { startBenchCluster } from "./bench-cluster.ts";
import type { Bench } from "./bench.ts";
import { mustRun } from "../support/run-command.ts";
import { median, rounded, spread } from "./samples.ts";

const delayMs = 1_000;

export const containerKilled: Bench = {
  name: "container-killed",
  about:
    "`docker kill` of a replica whose restart delay is 1 s: what is added to that delay until its process runs again.",
  async run({ quick, progress }) {
    const instances = quick ? 3 : 12;
    const runs: number[] = [];
    const told: number[] = [];
    await using cluster = await startBenchCluster({ restart: { backoff_min: "1s", backoff_max: "1s" } });
    for (let n = 0; n < instances; n++) {
      const name = `killed-${n}`;
      await cluster.up(name);
      await cluster.ready(name);
      const victim = (await cluster.containers()).find(({ instance }) => instance === name);
      if (victim === undefined) throw new Error(`${name} has no container`);
      const ready = cluster.told(name, ({ observed }) => (observed?.pid ?? 0) !== 0 && observed?.pid !== victim.pid);
      const [began, clockBegan] = [performance.now(), Date.now()];
      await mustRun(["docker", "kill", victim.id]);
      told.push((await ready) - began - delayMs);
      const next = (await cluster.containers()).find(({ instance, running }) => instance === name && running);
      runs.push(Date.parse(next?.startedAt ?? "") - clockBegan - delayMs);
      await cluster.down(name);
      progress(`${n + 1} of ${instances}`);
    }
    return {
      conditions: { instances, delayMs, from: "the start of `docker kill`" },
      figures: [
        {
          what: "killed until its process runs again, beyond the delay",
          value: rounded(median(runs)),
          unit: "ms",
          note: spread(runs),
        },
        {
          what: "killed until reported ready again, beyond the delay",
          value: rounded(median(told)),
          unit: "ms",
          note: spread(told),
        },
      ],
      samples: { "runs again (ms)": runs.map(rounded), "told (ms)": told.map(rounded) },
    };
  },
};
