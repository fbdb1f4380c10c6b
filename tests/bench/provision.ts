// From the wish to the report that it runs, beside `docker run -d` of the same image.
import { type BenchCluster, startBenchCluster } from "./bench-cluster.ts";
import type { Bench, Measured } from "./bench.ts";
import { createAndStart, dockerRun, makePlainNetwork, removePlain, removePlainNetwork } from "./plain-engine.ts";
import { median, rounded, spread } from "./samples.ts";

export const provision: Bench = {
  name: "provision",
  about:
    "One container of busybox, from the call to its being *reported* ready on a watch, in turns with `docker run -d`.",
  async run({ quick, progress }) {
    const rounds = quick ? 5 : 20;
    await using cluster = await startBenchCluster();
    const network = await makePlainNetwork();
    try {
      const began = performance.now();
      await cluster.up("resident");
      const firstMs = (await cluster.ready("resident")) - began;
      return figures(await measure(cluster, network, rounds, progress), firstMs, rounds);
    } finally {
      await removePlainNetwork(network);
    }
  },
};

type Ways = "docker run -d" | "docker run -d --network" | "plain API" | "RPC" | "ozctl up";

async function measure(
  cluster: BenchCluster,
  network: string,
  rounds: number,
  progress: (text: string) => void,
): Promise<Record<Ways, number[]>> {
  const took: Record<Ways, number[]> = {
    "docker run -d": [],
    "docker run -d --network": [],
    "plain API": [],
    RPC: [],
    "ozctl up": [],
  };
  const ways: Record<Ways, (round: number) => Promise<number>> = {
    "docker run -d": () => timed(() => dockerRun()),
    "docker run -d --network": () => timed(() => dockerRun("--network", network)),
    "plain API": () => timed(() => createAndStart(1, 1)),
    RPC: (round) => provisioned(cluster, `rpc-${round}`, () => cluster.up(`rpc-${round}`)),
    "ozctl up": (round) => provisioned(cluster, `cli-${round}`, () => cluster.ozctlUp(`cli-${round}`)),
  };
  const order = Object.keys(ways) as Ways[];
  // The first round warms everything and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const way of order) {
      const ms = await ways[way](round);
      if (round > 0) took[way].push(ms);
    }
    await removePlain();
    // Each way comes after every other one equally often.
    order.push(...order.splice(0, 1));
    if (round % 5 === 0) progress(`round ${round} of ${rounds}`);
  }
  return took;
}

/** Milliseconds from the beginning of `wish` to the moment when the watch told that it is ready. What was made is gone afterwards. */
async function provisioned(cluster: BenchCluster, name: string, wish: () => Promise<void>): Promise<number> {
  const began = performance.now();
  const wished = wish();
  const [at] = await Promise.all([cluster.ready(name), wished]);
  await cluster.down(name);
  return at - began;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function figures(took: Record<Ways, number[]>, firstMs: number, rounds: number): Measured {
  const plain = median(took["docker run -d"]);
  const over = (way: Ways, base = plain) => rounded((median(took[way]) / base - 1) * 100);
  const isolated = median(took["docker run -d --network"]);
  const time = (way: Ways, what: string) => ({
    what,
    value: rounded(median(took[way])),
    unit: "ms" as const,
    note: spread(took[way]),
  });
  return {
    conditions: {
      rounds,
      image: "busybox, `sleep`",
      order: "every round all ways, in turning order",
      resident: "one instance of the group runs already",
    },
    figures: [
      time("docker run -d", "`docker run -d` until it returns"),
      time("docker run -d --network", "`docker run -d --network …` on a network of one's own"),
      time("plain API", "create and start through the engine's API"),
      time("RPC", "UpInstance on an open connection until reported ready"),
      time("ozctl up", "`ozctl up` from its start until reported ready"),
      { what: "overhead of the RPC over `docker run -d`", value: over("RPC"), unit: "%", atMost: 30 },
      {
        what: "overhead of the RPC over `docker run -d --network …`",
        value: over("RPC", isolated),
        unit: "%",
        note: "like with like: every instance is on its group's own network",
      },
      {
        what: "overhead of `ozctl up` over `docker run -d`",
        value: over("ozctl up"),
        unit: "%",
        note: "its own start is in it",
      },
      { what: "first instance of a group, its network made too", value: rounded(firstMs), unit: "ms", note: "once" },
    ],
    samples: Object.fromEntries(Object.entries(took).map(([way, values]) => [`${way} (ms)`, values.map(rounded)])),
  };
}
