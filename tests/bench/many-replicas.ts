// A hundred replicas until every one is reported ready, beside the plain API that creates and starts eight at a time.
import { startBenchCluster } from "./bench-cluster.ts";
import type { Bench } from "./bench.ts";
import { createAndStart, makePlainNetwork, removePlain, removePlainNetwork } from "./plain-engine.ts";
import { median, rounded } from "./samples.ts";

const together = 8;

export const manyReplicas: Bench = {
  name: "many-replicas",
  about:
    "100 replicas of one instance until all are *reported* ready, in turns with the engine's plain API, eight at a time.",
  async run({ quick, progress }) {
    const [count, rounds] = quick ? [24, 1] : [100, 3];
    const took = { ours: [] as number[], plain: [] as number[], isolated: [] as number[] };
    await using cluster = await startBenchCluster();
    const network = await makePlainNetwork();
    const us = async (round: number) => {
      const name = `many-${round}`;
      const began = performance.now();
      await cluster.up(name, count);
      took.ours.push(((await cluster.ready(name, count)) - began) / 1000);
      await cluster.down(name);
    };
    const them = (into: number[], on?: string) => async () => {
      const began = performance.now();
      await createAndStart(count, together, on);
      into.push((performance.now() - began) / 1000);
      await removePlain();
    };
    const order = [us, them(took.plain), them(took.isolated, network)];
    try {
      for (let round = 0; round < rounds; round++) {
        progress(`round ${round + 1} of ${rounds}`);
        for (const one of order) await one(round);
        order.push(...order.splice(0, 1));
      }
    } finally {
      await removePlainNetwork(network);
    }
    const { ours, plain, isolated } = took;
    return {
      conditions: { replicas: count, rounds, together },
      figures: [
        { what: `plain API, ${together} at a time`, value: rounded(median(plain)), unit: "s" },
        {
          what: `plain API on a network of one's own, ${together} at a time`,
          value: rounded(median(isolated)),
          unit: "s",
        },
        { what: `${count} replicas until all are reported ready`, value: rounded(median(ours)), unit: "s" },
        { what: "ours / plain API", value: rounded(median(ours) / median(plain)), unit: "×", atMost: 1 },
        {
          what: "ours / plain API on a network of one's own",
          value: rounded(median(ours) / median(isolated)),
          unit: "×",
          note: "like with like: every instance is on its group's own network",
        },
      ],
      samples: {
        "ours (s)": ours.map(rounded),
        "plain API (s)": plain.map(rounded),
        "plain API on a network (s)": isolated.map(rounded),
      },
    };
  },
};
