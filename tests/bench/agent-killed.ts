// kill -9 of the agent: how long until a fresh one has every replica under control again, with the containers untouched.
import { setTimeout as sleep } from "node:timers/promises";
import { askStatus } from "../../agent/state-lock.ts";
import type { AgentStatus } from "../../agent/status.ts";
import { type BenchCluster, startBenchCluster } from "./bench-cluster.ts";
import type { Bench } from "./bench.ts";
import { median, rounded, spread } from "./samples.ts";

const replicas = 10;
const limitMs = 30_000;

export const agentKilled: Bench = {
  name: "agent-killed",
  about:
    "kill -9 of the agent and an immediate start of a new one, until that one has told the control plane of all 10 replicas and obeys it.",
  async run({ quick, progress }) {
    const rounds = quick ? 3 : 10;
    const took: number[] = [];
    let kept = 0;
    await using cluster = await startBenchCluster();
    await cluster.up("kept", replicas);
    await cluster.ready("kept", replicas);
    for (let round = 0; round < rounds; round++) {
      const before = await processIds(cluster);
      took.push(await killed(cluster));
      const after = await processIds(cluster);
      kept += after.filter((pid) => before.includes(pid)).length;
    }
    progress(`${rounds} kills`);
    return {
      conditions: { replicas, rounds, startsAgain: "the bench, at once, as a service manager would" },
      figures: [
        {
          what: "agent killed until all replicas are under control again",
          value: rounded(median(took)),
          unit: "ms",
          atMost: 1000,
          note: spread(took),
        },
        { what: "slowest of them", value: rounded(Math.max(...took)), unit: "ms" },
        {
          what: "containers that kept their process",
          value: (kept / (rounds * replicas)) * 100,
          unit: "%",
          atLeast: 100,
        },
      ],
      samples: { "kill to control (ms)": took.map(rounded) },
    };
  },
};

async function killed({ agent }: BenchCluster): Promise<number> {
  const began = performance.now();
  await agent.kill9();
  await agent.start();
  const { pid } = agent;
  for (;;) {
    const status = (await askStatus(agent.stateDir).catch(() => undefined)) as AgentStatus | undefined;
    const ready = status?.replicas.filter(({ state }) => state === "ready").length ?? 0;
    if (status?.pid === pid && status.link === "ready" && ready === replicas) return performance.now() - began;
    if (performance.now() - began > limitMs)
      throw new Error(`no control after ${limitMs} ms: ${JSON.stringify(status)}`);
    await sleep(5);
  }
}

async function processIds(cluster: BenchCluster): Promise<number[]> {
  return (await cluster.containers()).filter(({ running }) => running).map(({ pid }) => pid);
}
