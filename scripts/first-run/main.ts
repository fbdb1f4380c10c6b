// The steps of ./scripts/quickstart after Node, packages and the engine are there; and its --down.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { OzError } from "#core/errors.ts";
import { formatBytes, formatRate } from "#core/units.ts";
import { version } from "#core/version.ts";
import { mainOf } from "../lib/main-of.ts";
import { checkModelSource } from "../model/fetch-model.ts";
import { type Answer, ask } from "./ask.ts";
import { ensureAgent, ensureControlPlane } from "./cluster.ts";
import { ensureCommandLink } from "./command-link.ts";
import { readMade, recordMade } from "./made.ts";
import { type Places, quickstartPlaces } from "./places.ts";
import { engineLog } from "./started-engine.ts";
import { secondsText, slowest, StepLines } from "./step-lines.ts";
import { takeDown } from "./take-down.ts";
import { applyExample, type Prepared, prepare, type Running } from "./workload.ts";

const QUESTION = "What is the capital of France?";
/** Longer than this from start to first answer, and the run says what was slow. */
const SLOW_SECONDS = 300;

const write = (text: string): void => void process.stdout.write(text);

mainOf(async () => {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      down: { type: "boolean", default: false },
      "no-install": { type: "boolean", default: false },
      // From scripts/quickstart: when it began (ms), how long its own steps took (s), an engine it started.
      began: { type: "string", default: String(Date.now()) },
      "packages-seconds": { type: "string", default: "0" },
      "engine-seconds": { type: "string", default: "0" },
      "engine-pid": { type: "string" },
    },
  });
  const places = quickstartPlaces(process.env, process.getuid?.() === 0);
  if (values.down) return down(places);
  const enginePid = Number(values["engine-pid"] ?? "");
  if (enginePid > 0) recordMade(places.made, { enginePid });
  const before = [
    { name: "Node and packages", seconds: Number(values["packages-seconds"]) },
    { name: "Docker Engine", seconds: Number(values["engine-seconds"]) },
  ];
  await up(places, { model: values.model, mayInstall: !values["no-install"], began: Number(values.began), before });
});

type UpOptions = {
  model: string | undefined;
  mayInstall: boolean;
  /** Milliseconds since 1970. */
  began: number;
  before: { name: string; seconds: number }[];
};

async function up(places: Places, options: UpOptions): Promise<void> {
  if (options.model !== undefined) checkModelSource(options.model);
  const steps = new StepLines(6, write);
  steps.times.push(...options.before);
  await steps.run(3, "control plane", () => ensureControlPlane(places));
  await steps.run(4, "agent", () => ensureAgent(places));
  let prepared: Prepared | undefined;
  await steps.run(5, "image and model", async () => {
    prepared = await prepare(places, options.model, options.mayInstall);
    return prepared.lines;
  });
  if (prepared === undefined) throw new OzError("internal", "nothing was prepared");
  const { model, modelChanged } = prepared;
  let running: Running | undefined;
  await steps.run(6, "start of the model", async () => {
    running = await applyExample(places, modelChanged);
    return `tiny-llm ready on ${running.host} (${running.variety}, ${residentText(running.pid)})`;
  });
  if (running === undefined) throw new OzError("internal", "nothing was started");
  const command = ensureCommandLink(places, process.env);
  write(`\nyou   > ${QUESTION}\nmodel > `);
  let firstAnswerSeconds = 0;
  const answer = await ask(running.endpoint, QUESTION, (text) => {
    firstAnswerSeconds ||= (Date.now() - options.began) / 1000;
    write(text);
  });
  write(`       first token ${Math.round(answer.firstTokenMs)} ms, ${formatRate(answer.tokensPerSecond)} tok/s\n\n`);
  const report = reportOf(answer, firstAnswerSeconds, steps, model.name);
  writeFileSync(places.report, `${JSON.stringify(report, null, 2)}\n`);
  write(closing(places, command, model.origin, firstAnswerSeconds, steps));
}

function reportOf(answer: Answer, firstAnswerSeconds: number, steps: StepLines, model: string): object {
  return {
    at: new Date().toISOString(),
    version,
    machine: { processor: cpus()[0]?.model ?? "", cores: cpus().length, memoryBytes: totalmem() },
    model,
    question: QUESTION,
    answer: answer.text,
    firstAnswerSeconds,
    firstTokenMs: Math.round(answer.firstTokenMs),
    tokens: answer.tokens,
    tokensPerSecond: Math.round(answer.tokensPerSecond * 10) / 10,
    steps: steps.times,
  };
}

function closing(places: Places, ozctl: string, origin: string, seconds: number, steps: StepLines): string {
  const quality = {
    generated: "The model is a generated one: it speaks nonsense by design.",
    package: "A 135M-parameter model makes mistakes; --model takes a bigger one.",
  }[origin];
  const slow = seconds > SLOW_SECONDS ? `\nThat is long. What took most: ${slowest(steps.times)}.` : "";
  const folder = readMade(places.made).configFolder ?? "";
  const context = folder === "" ? "" : `OZWALD_CONFIG_DIR=${folder} `;
  const rows = [
    [`${context}${ozctl} ps`, "what runs"],
    [`${context}${ozctl} logs -f tiny-llm`, "what it says"],
    [`${context}${ozctl} hosts`, "what your machines have"],
    [`${context}${ozctl} host invite`, "add a machine"],
    ["./scripts/quickstart --down", "remove everything made here"],
  ] as const;
  const width = Math.max(...rows.map(([command]) => command.length)) + 3;
  const next = rows.map(
    ([command, what], index) => `${index === 0 ? "Next  " : "      "}${command.padEnd(width)}${what}`,
  );
  return `First answer after ${secondsText(seconds)}. ${quality ?? ""}${slow}\n${next.join("\n")}\n`;
}

/** Memory of the process, as the kernel sees it. */
function residentText(pid: number): string {
  const status = `/proc/${pid}/status`;
  if (pid === 0 || !existsSync(status)) return "memory unknown";
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(status, "utf8"))?.[1];
  return kibibytes === undefined ? "memory unknown" : formatBytes(Number(kibibytes) * 1024);
}

async function down(places: Places): Promise<void> {
  const removed = await takeDown(places);
  if (removed.length === 0) {
    write("Nothing to remove: no quickstart was here.\n");
    return;
  }
  write(`Removed:\n${removed.map((line) => `  ${line}`).join("\n")}\n`);
  const log = existsSync(engineLog) ? ` (its log: ${engineLog})` : "";
  write(`Kept: Docker Engine${log}, Debian packages, and this checkout's node_modules and dist.\n`);
}
