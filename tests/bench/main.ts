// Runs the benches on built programs, one after the other: `npm run bench [-- NAME… --quick]`.
import { agentKilled } from "./agent-killed.ts";
import { type Bench, type Measured, standing } from "./bench.ts";
import { commandLine } from "./command-line.ts";
import { containerKilled } from "./container-killed.ts";
import { executable } from "./executable.ts";
import { forward } from "./forward.ts";
import { footprint } from "./footprint.ts";
import { describeMachine, loadNow } from "./machine.ts";
import { manyReplicas } from "./many-replicas.ts";
import { provision } from "./provision.ts";
import { amount, writePage, writeRecord } from "./report.ts";
import { storeCommits } from "./store.ts";

const benches: readonly Bench[] = [
  commandLine,
  forward,
  provision,
  manyReplicas,
  footprint,
  agentKilled,
  containerKilled,
  storeCommits,
  executable,
];

async function main(argv: readonly string[]): Promise<number> {
  const quick = argv.includes("--quick");
  const names = argv.filter((word) => word !== "--quick");
  const unknown = names.find((name) => benches.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    process.stderr.write(
      `There is no bench ${unknown}. There are: ${benches.map(({ name }) => name).join(", ")}, and --quick\n`,
    );
    return 2;
  }
  // A bench of the sources would tell nothing about what people run.
  process.env["OZWALD_TEST_FROM"] = "dist";
  const machine = describeMachine();
  process.stdout.write(
    `${machine.ozwald} on ${machine.cpu}, ${machine.cores} cores, ${machine.engine}, Node ${machine.node}\n`,
  );
  let failed = 0;
  for (const bench of benches.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const before = loadNow();
    process.stdout.write(`\n${bench.name}: ${bench.about}\n`);
    const progress = (text: string) => process.stderr.write(`  … ${text}\n`);
    try {
      const measured = await bench.run({ quick, progress });
      show(measured);
      if (!quick) writeRecord(bench, measured, machine, { before, after: loadNow() });
    } catch (error) {
      failed += 1;
      process.stderr.write(`  ${bench.name} failed: ${(error as Error).stack}\n`);
    }
  }
  if (!quick) writePage();
  return failed === 0 ? 0 : 1;
}

function show({ figures }: Measured): void {
  const width = Math.max(...figures.map(({ what }) => what.length));
  for (const figure of figures) {
    const budget = figure.atMost === undefined ? "" : `  budget ${amount(figure.atMost, figure.unit)}`;
    const value = amount(figure.value, figure.unit).padStart(12);
    process.stdout.write(`  ${figure.what.padEnd(width)} ${value}${budget}  ${standing(figure)}\n`);
  }
}

process.exitCode = await main(process.argv.slice(2));
