// Operations followed to their end.
import { OzError, toOzError } from "#core/errors.ts";
import { formatDuration } from "#core/units.ts";
import {
  OperationSchema,
  OperationsService,
  OperationState,
  type Operation,
  type OperationStep,
} from "#proto/operations_pb.ts";
import { PlanAction } from "#proto/settings_pb.ts";
import type { OutputFormat } from "./command.ts";
import type { Io } from "./io.ts";
import { printMessage } from "./output/format.ts";
import { progressView } from "./output/progress.ts";
import { failureText } from "./output/replica.ts";
import { resumed } from "./resumed.ts";
import { type Session, untilInterrupted, untilLeft } from "./session.ts";
import { formatName } from "./spec-argument.ts";

/**
 * Follows an operation to its end and tells how it went. Gives the exit code: 0 done, 1 anything else, 130 when the person left it.
 * With json or yaml nothing but the last state is printed. left is of the command that began it (see send-change.ts) and says that the person
 * leaves; without it Ctrl-C does. What is thrown says how to go on watching.
 */
export async function followOperation(
  session: Session,
  id: bigint,
  format?: OutputFormat,
  left?: AbortSignal,
): Promise<number> {
  const { io } = session;
  const client = await session.client();
  const quiet = format === "json" || format === "yaml";
  const view = quiet ? undefined : progressView(io);
  let last: Operation | undefined;
  const begun = left !== undefined;
  const open = (signal: AbortSignal) => client.stream(OperationsService.method.watchOperation, { id }, signal);
  const watch = async (signal: AbortSignal) => {
    for await (const { operation } of resumed(io, signal, open, { wasThere: begun })) {
      if (operation === undefined) continue;
      last = operation;
      view?.show(operation);
      if (operation.state !== OperationState.RUNNING) return;
    }
  };
  const wasLeft = await (begun ? untilLeft(left, watch) : untilInterrupted(io, watch)).catch((error: unknown) => {
    throw begun || last !== undefined ? stillNamed(toOzError(error), id) : error;
  });
  if (wasLeft && (last === undefined || last.state === OperationState.RUNNING)) {
    io.err(
      `${io.isTerminal ? "\n" : ""}The change goes on without you.  ozctl ops watch ${id}   or stop it:  ozctl ops cancel ${id}\n`,
    );
    return 130;
  }
  if (last !== undefined && quiet) await printMessage(io, format, OperationSchema, last);
  else if (last !== undefined) tellEnd(io, last);
  if (last === undefined || last.state === OperationState.RUNNING)
    io.err(`The control plane stopped telling.  ozctl ops watch ${id}\n`);
  return last?.state === OperationState.DONE ? 0 : 1;
}

function stillNamed(error: OzError, id: bigint): OzError {
  const hint = [`The change goes on without you.  ozctl ops watch ${id}`, error.hint].filter(Boolean).join("\n");
  return new OzError(error.code, error.message, { hint, cause: error });
}

function tellEnd(io: Io, operation: Operation): void {
  const failed = operation.steps.filter((step) => step.failed);
  for (const text of new Set(failed.map(unplacedText))) io.err(text);
  for (const step of failed) {
    if (step.action === PlanAction.UNPLACED) continue;
    if (step.replica !== undefined) io.err(failureText({ ...step.replica, host: step.replica.host || step.host }));
    else
      io.err(
        `${formatName(step.group, step.instance)} failed${step.host && ` on ${step.host}`}.  Why:  ozctl why ${formatName(step.group, step.instance)}\n`,
      );
  }
  if (operation.state === OperationState.FAILED && failed.length === 0)
    io.err(`${operation.title} failed.  What happened:  ozctl events\n`);
  if (operation.state === OperationState.CANCELLED) io.err(`${operation.title} was cancelled.\n`);
  if (operation.state === OperationState.SUPERSEDED)
    io.err(`A newer change took over from ${operation.title}.  ozctl ops\n`);
}

/** The same for all replicas of an instance, so that it is told once. What has no place did not fail: it may run as it was before. */
function unplacedText({ action, group, instance, reason, host }: OperationStep): string {
  if (action !== PlanAction.UNPLACED) return "";
  const name = formatName(group, instance);
  return `${name} has no place${host && ` on ${host}`}: ${reason}\nWhy:  ozctl why ${name}\n`;
}

/** "1.8 s", or "" while it goes on. */
export function tookText(operation: Pick<Operation, "started" | "ended">): string {
  const { started, ended } = operation;
  if (started === undefined || ended === undefined) return "";
  const ms = (moment: { seconds: bigint; nanos: number }) => Number(moment.seconds) * 1000 + moment.nanos / 1e6;
  return formatDuration(ms(ended) - ms(started));
}
