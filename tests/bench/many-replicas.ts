// A hundred replicas until every one is reported ready, beside the plain API that creates and starts eight at a time.
import { startBenchCluster } from "./bench-cluster.ts";
import type { Bench } from "./bench.ts";
import { createAndStart, removePlain } from "./plain-engine.ts";
import { median, rounded } from "./samples.ts";

const together = 8;

export const manyReplicas: Bench = {
  name: "many-replicas",
  about:
    "100 replicas of one instance until all are *reported* ready, in turns with the engine's plain API, eight at a time.",
  async run({ quick, progress }) {
    const [count, rounds] = quick ? [24, 1] : [100, 3];
    const ours: number[] = [];
    const plain: number[] = [];
    await using cluster = await startBenchCluster();
    const us = async (round: number) => {
      const name = `many-${round}`;
      const began = performance.now();
      await cluster.up(name, count);
      ours.push(((await cluster.ready(name, count)) - began) / 1000);
      await cluster.down(name);
    };
    const them = async () => {
      const began = performance.now();
      await createAndStart(count, together);
      plain.push((performance.now() - began) / 1000);
      await removePlain();
    };
    try {
      for (let round = 0; round < rounds; round++) {
        progress(`round ${round + 1} of ${rounds}`);
        for (const one of round % 2 === 0 ? [us, them] : [them, us]) await one(round);
      }
    } finally {
      await removePlain();
    }
    const ratio = median(ours) / median(plain);
    return {
      conditions: { replicas: count, rounds, together },
      figures: [
        { what: `plain API, ${together} at a time`, value: rounded(median(plain)), unit: "s" },
        { what: `${count} replicas until all are reported ready`, value: rounded(median(ours)), unit: "s" },
        { what: "ours / plain API", value: rounded(ratio), unit: "×", atMost: 1 },
      ],
      samples: { "ours (s)": ours.map(rounded), "plain API (s)": plain.map(rounded) },
    };
  },
};
