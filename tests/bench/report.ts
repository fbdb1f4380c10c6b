// Writes what was measured: one JSON file a bench, and one page over all of them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Bench, type Figure, type Measured, standing } from "./bench.ts";
import type { Machine } from "./machine.ts";
import { peerColumns, peerRows, peersMeasured } from "./peers.ts";

export type BenchRecord = Measured & {
  readonly bench: string;
  readonly about: string;
  /** Day, as 2026-11-21. */
  readonly measured: string;
  /** Load average of the last minute before it began and at its end. */
  readonly load: { readonly before: number; readonly after: number };
  readonly machine: Machine;
};

const folder = resolve(import.meta.dirname, "../../docs/benchmarks");

/** In the order of the report; a bench that is not listed comes last. */
const order = [
  "provision",
  "many-replicas",
  "command-line",
  "forward",
  "footprint",
  "executable",
  "store-commits",
  "agent-killed",
  "container-killed",
];

export function writeRecord(bench: Bench, measured: Measured, machine: Machine, load: BenchRecord["load"]): void {
  mkdirSync(folder, { recursive: true });
  const { name, about } = bench;
  const day = new Date().toISOString().slice(0, 10);
  const record: BenchRecord = { bench: name, about, measured: day, load, machine, ...measured };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

/** Makes the page anew from every JSON file there is. */
export function writePage(): void {
  writeFileSync(join(folder, "README.md"), page(readRecords()));
}

/** Every record there is, in the order of the page. */
export function readRecords(): BenchRecord[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const records = names.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as BenchRecord);
  const place = ({ bench }: BenchRecord) => (order.includes(bench) ? order.indexOf(bench) : order.length);
  return records.toSorted((a, b) => place(a) - place(b) || a.bench.localeCompare(b.bench));
}

/** The page for these records. */
export function page(records: readonly BenchRecord[]): string {
  return [
    "# Benchmarks",
    "",
    "Made by `npm run build && npm run bench`; do not edit: every number comes from the JSON file of its bench, where each single measurement is.",
    "Comparisons are taken in turns within one run, so that a busy machine slows both sides. Budgets are goals of the design, not promises.",
    "`npm run bench -- NAME…` runs some of them; `--quick` takes a short look and writes nothing.",
    "",
    ...machines(records),
    ...records.flatMap(section),
    ...peers(),
  ].join("\n");
}

function machines(records: readonly BenchRecord[]): string[] {
  const byMachine = Map.groupBy(records, ({ machine }) => machineText(machine));
  return [...byMachine].flatMap(([text, its]) => [
    `**Machine** (${byMachine.size === 1 ? "all benches" : its.map(({ bench }) => bench).join(", ")}): ${text}`,
    "",
  ]);
}

function machineText({ cpu, cores, ramGiB, kernel, system, engine, engineStorage, node }: Machine): string {
  return `${cpu}, ${cores} cores, ${ramGiB} GiB RAM, ${system}, Linux ${kernel}, ${engine} (${engineStorage}), Node ${node}.`;
}

function section({ bench, about, measured, load, machine, conditions, figures }: BenchRecord): string[] {
  const under = Object.entries(conditions).map(([name, value]) => `${name} ${value}`);
  const facts = [`${measured}`, `${machine.ozwald}`, `load ${load.before} before, ${load.after} after`, ...under];
  return [
    `## ${bench}`,
    "",
    about,
    "",
    "| what | result | budget | |",
    "|---|---:|---:|---|",
    ...figures.map(row),
    "",
    `${facts.join(" · ")} · [JSON](${bench}.json)`,
    "",
  ];
}

function row(figure: Figure): string {
  const { what, unit, atMost, atLeast, note } = figure;
  const budget =
    atMost !== undefined ? `≤ ${amount(atMost, unit)}` : atLeast !== undefined ? `≥ ${amount(atLeast, unit)}` : "";
  const kept = standing(figure);
  const verdict = kept === "not met" ? "**not met**" : kept;
  return `| ${what} | ${amount(figure.value, unit)} | ${budget} | ${[verdict, note].filter(Boolean).join("; ")} |`;
}

/** "1,234 ms". */
export function amount(value: number, unit: Figure["unit"]): string {
  const number = value.toLocaleString("en", { maximumFractionDigits: 2 });
  return unit === "" ? number : unit === "1/s" ? `${number} a second` : `${number} ${unit}`;
}

function peers(): string[] {
  return [
    "## Others",
    "",
    `Recorded on ${peersMeasured} beside each other on the same kind of machine (2 cores, 24 GiB, Docker 20.10, busybox \`sleep\`); an empty cell was not measured.`,
    "",
    `| what | ${peerColumns.join(" | ")} | bench here |`,
    `|---|${peerColumns.map(() => "---|").join("")}---|`,
    ...peerRows.map(({ what, values, bench }) => `| ${what} | ${values.join(" | ")} | [${bench}](#${bench}) |`),
    "",
  ];
}
