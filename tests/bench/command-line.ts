// How long short commands take, beside bare Node's start and Docker's own commands.
import { spawnSync } from "node:child_process";
import { busyboxImage } from "../support/busybox-image.ts";
import { programArgv } from "../support/programs.ts";
import { startBenchCluster } from "./bench-cluster.ts";
import type { Bench, Figure } from "./bench.ts";
import { median, rounded, spread } from "./samples.ts";

const replicas = 3;

export const commandLine: Bench = {
  name: "command-line",
  about: "`ozctl version` and `ozctl ps` beside the start of bare Node and Docker's own commands, in turns.",
  async run({ quick, progress }) {
    const rounds = quick ? 10 : 40;
    await using cluster = await startBenchCluster();
    for (let n = 0; n < replicas; n++) await cluster.up(`shown-${n}`);
    for (let n = 0; n < replicas; n++) await cluster.ready(`shown-${n}`);
    const ozctl = programArgv("ozctl");
    // Without a context the socket of the local root is used.
    const socket = ["env", "OZWALD_CONTEXT=", "OZWALD_CONFIG_DIR=/nowhere", ...ozctl];
    const commands: Record<string, string[]> = {
      "node -e 0": [process.execPath, "-e", "0"],
      "ozctl version": [...ozctl, "version"],
      "ozctl ps": [...ozctl, "ps"],
      "ozctl ps, Unix socket": [...socket, "ps"],
      "docker --version": ["docker", "--version"],
      "docker ps": ["docker", "ps"],
    };
    progress(`${rounds} rounds of ${Object.keys(commands).join(", ")}`);
    const took = inTurns(commands, rounds, cluster.env);
    return {
      conditions: {
        rounds,
        node: process.version,
        shown: `${replicas} instances of ${busyboxImage}`,
        connection: "a context: TLS 1.3 on 127.0.0.1, unless the row says otherwise",
      },
      figures: figures(took),
      samples: Object.fromEntries(Object.entries(took).map(([name, values]) => [`${name} (ms)`, values.map(rounded)])),
    };
  },
};

function inTurns(
  commands: Record<string, string[]>,
  rounds: number,
  env: Readonly<Record<string, string>>,
): Record<string, number[]> {
  const took: Record<string, number[]> = {};
  const order = Object.entries(commands);
  for (let round = 0; round <= rounds; round++) {
    for (const [name, argv] of order) {
      const ms = timed(argv, env);
      // The first round brings the files into memory and is not counted.
      if (round > 0) (took[name] ??= []).push(ms);
    }
    order.push(...order.splice(0, 1));
  }
  return took;
}

function timed([program = "", ...rest]: string[], env: Readonly<Record<string, string>>): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(program, rest, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ms = performance.now() - began;
  if (status !== 0) throw new Error(`${program} ${rest.join(" ")} exited with ${status}: ${String(stderr)}`);
  return ms;
}

function figures(took: Record<string, number[]>): Figure[] {
  const middle = (name: string) => median(took[name] ?? []);
  const ratio = (name: string, base: string) => rounded(middle(name) / middle(base));
  const times = Object.entries(took).map(([name, values]) => ({
    what: name === "node -e 0" ? "start of bare Node (`node -e 0`)" : `\`${name}\``,
    value: rounded(median(values)),
    unit: "ms" as const,
    note: spread(values),
  }));
  return [
    ...times,
    { what: "`ozctl version` / bare Node", value: ratio("ozctl version", "node -e 0"), unit: "×", atMost: 1.35 },
    { what: "`ozctl ps` / bare Node", value: ratio("ozctl ps", "node -e 0"), unit: "×", atMost: 3 },
    { what: "`ozctl version` / `docker --version`", value: ratio("ozctl version", "docker --version"), unit: "×" },
    { what: "`ozctl ps` / `docker ps`", value: ratio("ozctl ps", "docker ps"), unit: "×" },
  ];
}
