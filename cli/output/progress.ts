// The progress of an operation: a block that is redrawn on a terminal, one line a change everywhere else.
import { OperationState, type Operation, type OperationStep } from "#proto/operations_pb.ts";
import { ReplicaState, type PullProgress } from "#proto/replicas_pb.ts";
import { PlanAction } from "#proto/settings_pb.ts";
import { formatDuration } from "#core/units.ts";
import type { Io } from "../io.ts";
import { formatName } from "../spec-argument.ts";
import { endpointText, stateStyle } from "./replica.ts";
import { stateWord } from "./replica-state.ts";
import { cut, length, pad } from "./table.ts";

export type ProgressView = {
  /** Shows one state of the operation. */
  show(operation: Operation): void;
};

const barWidth = 14;

export function progressView(io: Io): ProgressView {
  return io.isTerminal ? block(io) : lines(io);
}

function block(io: Io): ProgressView {
  let drawn = 0;
  return {
    show(operation) {
      const { columns, rows } = io.size() ?? { columns: 80, rows: 24 };
      const texts = stepTexts(io, operation, columns);
      const shown = operation.state === OperationState.RUNNING ? texts.slice(0, Math.max(1, rows - 2)) : texts;
      io.out(`${drawn > 0 ? `\u001b[${drawn}A\r\u001b[J` : ""}${shown.map((text) => `${text}\n`).join("")}`);
      drawn = shown.length;
    },
  };
}

/** Unfinished steps first, so that a long list never hides what is going on. */
function stepTexts(io: Io, operation: Operation, columns: number): string[] {
  const open = (step: OperationStep) => (step.done || step.failed ? 1 : 0);
  const steps = operation.steps.toSorted((a, b) => open(a) - open(b));
  const names = Math.max(0, ...steps.map((step) => length(stepName(step, operation))));
  return (columns > 0 && steps.length > 10 ? steps : operation.steps).map((step) => {
    const word = stepWord(step);
    const text = cut(
      `  ${pad(stepName(step, operation), names)}  ${pad(word, 8)}  ${stepDetail(step)}`.trimEnd(),
      columns,
    );
    const style = step.failed ? "red" : step.replica === undefined ? "dim" : stateStyle(step.replica.state);
    return style === undefined ? text : text.replace(word, io.style(style, word));
  });
}

function lines(io: Io): ProgressView {
  const told = new Map<string, string>();
  return {
    show(operation) {
      for (const step of operation.steps) {
        const name = stepName(step, operation);
        const word = stepWord(step);
        // Told once, when the step is over: with the time that it took, and where it answers.
        if (!step.done && !step.failed && step.replica !== undefined && isSettled(step.replica.state)) continue;
        const key = `${word} ${pullQuarter(step.replica?.observed?.pull)} ${step.done || step.failed}`;
        if (told.get(name) === key) continue;
        told.set(name, key);
        const detail = stepDetail(step, false);
        io.out(`${name} ${word}${step.host && ` on ${step.host}`}${detail && `  ${detail}`}\n`);
      }
    },
  };
}

function isSettled(state: ReplicaState): boolean {
  return state === ReplicaState.READY || state === ReplicaState.FAILED || state === ReplicaState.STOPPED;
}

function stepName(step: OperationStep, operation: Operation): string {
  const alone =
    operation.steps.filter((other) => other.instance === step.instance && other.group === step.group).length === 1;
  return formatName(step.group, step.instance, alone ? undefined : step.slot);
}

function stepWord(step: OperationStep): string {
  if (step.action === PlanAction.UNPLACED) return "no place";
  if (step.failed) return "failed";
  if (step.action === PlanAction.STOP) return step.done ? "stopped" : "stopping";
  if (step.replica === undefined || step.replica.state === ReplicaState.UNSPECIFIED)
    return step.done ? "done" : "waiting";
  return stateWord(step.replica.state);
}

function stepDetail(step: OperationStep, withBar = true): string {
  const { replica } = step;
  const took = step.tookMs > 0n ? formatDuration(Number(step.tookMs)) : "";
  if (step.done)
    return [took, ...(replica?.observed?.endpoints.slice(0, 1).map(endpointText) ?? [])]
      .filter((part) => part !== "")
      .join("  ");
  const pull = replica?.observed?.pull;
  if (replica?.state === ReplicaState.PULLING && pull !== undefined) return pullText(pull, withBar);
  return replica?.reason || took;
}

/** "████████░░░░░░  131 / 212 MB  24 MB/s". */
export function pullText(pull: PullProgress, withBar = true): string {
  const [done, total, rate] = [Number(pull.doneBytes), Number(pull.totalBytes), Number(pull.bytesPerSecond)];
  const filled = total === 0 ? 0 : Math.min(barWidth, Math.floor((done / total) * barWidth));
  const bar = withBar && total > 0 ? `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}  ` : "";
  const amount = total === 0 ? `${megabytes(done)} MB` : `${megabytes(done)} / ${megabytes(total)} MB`;
  return `${bar}${amount}${rate > 0 ? `  ${megabytes(rate)} MB/s` : ""}`;
}

/** Downloads are counted in decimal units, as registries and providers do. */
function megabytes(bytes: number): string {
  return bytes < 1e7 ? (bytes / 1e6).toFixed(1) : String(Math.round(bytes / 1e6));
}

function pullQuarter(pull: PullProgress | undefined): number {
  return pull === undefined || pull.totalBytes === 0n
    ? 0
    : Math.floor((Number(pull.doneBytes) / Number(pull.totalBytes)) * 4);
}
