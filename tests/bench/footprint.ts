// Memory and CPU of agent and control plane while nothing happens, with no container and with twenty.
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchCluster, startBenchCluster } from "./bench-cluster.ts";
import type { Bench, Figure } from "./bench.ts";
import { cpuMsOf, memoryOf, type ProcessMemory } from "./process-figures.ts";
import { rounded } from "./samples.ts";

const containers = 20;
const settleMs = 8_000;

export const footprint: Bench = {
  name: "footprint",
  about: "Memory by kind and share of a core of agent and control plane, idle, with 0 and 20 containers.",
  async run({ quick, progress }) {
    const overMs = quick ? 8_000 : 60_000;
    await using cluster = await startBenchCluster();
    progress(`idle for ${overMs / 1000} s without containers`);
    const used = await idle(cluster, 0);
    await cluster.startAgain();
    const empty = await idle(cluster, overMs);
    await cluster.up("many", containers);
    await cluster.ready("many", containers);
    progress(`idle for ${overMs / 1000} s with ${containers} containers`);
    const full = await idle(cluster, overMs);
    const each = (full.agent.anonymous - empty.agent.anonymous) / containers;
    return {
      conditions: {
        containers,
        idleSeconds: overMs / 1000,
        settleSeconds: settleMs / 1000,
        gpus: "none on this machine",
        watchers: "none",
        started:
          "again after settings and host were there, as after a start of the machine and by the unit's environment",
      },
      figures: [
        ...figures(empty, 0),
        ...figures(full, containers),
        {
          what: "control plane, anonymous memory, first life after an apply and a join",
          value: rounded(used.control.anonymous),
          unit: "MiB",
        },
        {
          what: "added to the agent per running container, anonymous",
          value: rounded(Math.max(0, each)),
          unit: "MiB",
          atMost: 0.3,
        },
      ],
    };
  },
};

type Idle = { agent: ProcessMemory; control: ProcessMemory; agentCpu: number; controlCpu: number };

/** CPU in percent of one core over the time, memory at its end. */
async function idle(cluster: BenchCluster, overMs: number): Promise<Idle> {
  await cluster.unwatch();
  await sleep(settleMs);
  const pids = [cluster.agent.pid, cluster.control] as const;
  const before = pids.map(cpuMsOf);
  const began = performance.now();
  await sleep(overMs);
  const share = (n: 0 | 1) => ((cpuMsOf(pids[n]) - (before[n] ?? 0)) / (performance.now() - began)) * 100;
  return { agent: memoryOf(pids[0]), control: memoryOf(pids[1]), agentCpu: share(0), controlCpu: share(1) };
}

function figures({ agent, control, agentCpu, controlCpu }: Idle, count: number): Figure[] {
  const withCount = `, ${count} containers`;
  const mib = (what: string, value: number, atMost?: number): Figure => ({
    what: `${what}${withCount}`,
    value: rounded(value),
    unit: "MiB",
    ...(atMost !== undefined && { atMost }),
  });
  return [
    mib("agent, anonymous memory", agent.anonymous, 32),
    mib("agent, RSS", agent.rss, 90),
    mib("agent, PSS", agent.pss),
    mib("control plane, anonymous memory", control.anonymous),
    mib("control plane, RSS", control.rss),
    mib("control plane, PSS", control.pss),
    mib("agent + control plane, PSS", agent.pss + control.pss, 120),
    { what: `agent, CPU${withCount}`, value: rounded(agentCpu), unit: "%", atMost: 0.5, note: "of one core" },
    { what: `control plane, CPU${withCount}`, value: rounded(controlCpu), unit: "%", note: "of one core" },
  ];
}
