// What others took for the same things, measured once beside each other on the same kind of machine. Written into the report as a record.

export const peersMeasured = "2026-11-21";

export const peerColumns = ["Nomad 1.11.3", "SwarmKit", "GPUStack 2.3.0", "dstack 0.22.5", "plain Docker"] as const;

type Row = {
  readonly what: string;
  readonly values: readonly [string, string, string, string, string];
  readonly bench: string;
};

/** An empty cell was not measured. */
export const peerRows: readonly Row[] = [
  {
    bench: "footprint",
    what: "idle memory, server + agent (PSS)",
    values: ["97 MiB", "in dockerd", "1,301 MiB + PostgreSQL 175", "204 MiB", ""],
  },
  { bench: "footprint", what: "idle CPU of a core", values: ["0.52 %", "", "1.15 %", "1.33 %", ""] },
  {
    bench: "footprint",
    what: "added per running container",
    values: ["26 MiB (0.3 with log collection off)", "", "", "", ""],
  },
  {
    bench: "provision",
    what: "submit to reported running",
    values: ["750 ms (really running after 250)", "393 ms", "", "", "`docker run -d` 204–215 ms"],
  },
  {
    bench: "provision",
    what: "start to ready",
    values: ["1.2–2.0 s, 3 of 14 took 21–27 s", "", "11.2 s", "7.8 s fresh", ""],
  },
  {
    bench: "many-replicas",
    what: "100 containers running",
    values: ["20.2 s", "31.6 s", "", "", "20.0 s one by one, 13.4 s eight at a time"],
  },
  {
    bench: "command-line",
    what: "`version` / list from the command line",
    values: ["31.5 / 34 ms", "– / 13.6 ms", "8,950 ms / –", "865 / 865 ms", "7–8 / 10–14 ms"],
  },
  {
    bench: "agent-killed",
    what: "agent kill -9 until control again",
    values: ["1.9 s; its first answer listed a dead container as running", "", "", "", ""],
  },
];
