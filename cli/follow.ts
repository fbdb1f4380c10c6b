// Operations followed to their end.
import { formatDuration } from "#core/units.ts";
import { OperationSchema, OperationsService, OperationState, type Operation } from "#proto/operations_pb.ts";
import type { OutputFormat } from "./command.ts";
import type { Io } from "./io.ts";
import { printMessage } from "./output/format.ts";
import { progressView } from "./output/progress.ts";
import { failureText } from "./output/replica.ts";
import { resumed } from "./resumed.ts";
import { type Session, untilInterrupted } from "./session.ts";
import { formatName } from "./spec-argument.ts";

/**
 * Follows an operation to its end and tells how it went. Gives the exit code: 0 done, 1 anything else, 130 when the person left it.
 * With json or yaml nothing but the last state is printed.
 */
export async function followOperation(session: Session, id: bigint, format?: OutputFormat): Promise<number> {
  const { io } = session;
  const client = await session.client();
  const quiet = format === "json" || format === "yaml";
  const view = quiet ? undefined : progressView(io);
  let last: Operation | undefined;
  const left = await untilInterrupted(io, async (signal) => {
    for await (const { operation } of resumed(io, signal, (stop) =>
      client.stream(OperationsService.method.watchOperation, { id }, stop),
    )) {
      if (operation === undefined) continue;
      last = operation;
      view?.show(operation);
      if (operation.state !== OperationState.RUNNING) return;
    }
  });
  if (left) {
    io.err(
      `${io.isTerminal ? "\n" : ""}The change goes on without you.  ozctl ops watch ${id}   or stop it:  ozctl ops cancel ${id}\n`,
    );
    return 130;
  }
  if (last !== undefined && quiet) await printMessage(io, format, OperationSchema, last);
  else if (last !== undefined) tellEnd(io, last);
  return last?.state === OperationState.DONE ? 0 : 1;
}

function tellEnd(io: Io, operation: Operation): void {
  const failed = operation.steps.filter((step) => step.failed);
  for (const step of failed) {
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
  if (operation.state === OperationState.RUNNING)
    io.err(`The control plane stopped telling.  ozctl ops watch ${operation.id}\n`);
}

/** "1.8 s", or "" while it goes on. */
export function tookText(operation: Pick<Operation, "started" | "ended">): string {
  const { started, ended } = operation;
  if (started === undefined || ended === undefined) return "";
  const ms = (moment: { seconds: bigint; nanos: number }) => Number(moment.seconds) * 1000 + moment.nanos / 1e6;
  return formatDuration(ms(ended) - ms(started));
}
