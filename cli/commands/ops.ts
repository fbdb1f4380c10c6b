// ozctl ops: changes in progress and those that ended; watch and cancel.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import {
  ListOperationsResponseSchema,
  OperationSchema,
  OperationsService,
  OperationState,
  type Operation,
} from "#proto/operations_pb.ts";
import { newCommand, type OutputFormat, runs, wholeNumber, withOutput } from "../command.ts";
import { followOperation, tookText } from "../follow.ts";
import type { Io } from "../io.ts";
import { age } from "../output/ages.ts";
import { printMessage, printNames } from "../output/format.ts";
import { type Column, table } from "../output/table.ts";
import type { Session } from "../session.ts";

type Options = { limit?: number; output?: OutputFormat };

export function opsCommand(session: Session): Command {
  const command = newCommand(session, "ops", {
    summary: "changes in progress: list, watch, cancel",
    examples: ["ozctl ops", "ozctl ops watch 12", "ozctl ops cancel 12"],
  });
  withOutput(command).option(
    "-n, --limit <number>",
    "only the newest so many (default: 20)",
    wholeNumber("--limit", 1),
  );
  // What stands behind watch or cancel is theirs: -o of the list would take theirs away.
  command.enablePositionalOptions().addCommand(watchCommand(session)).addCommand(cancelCommand(session));
  return runs(session, command, (options: Options) => list(session, options));
}

function watchCommand(session: Session): Command {
  const command = newCommand(session, "ops watch", {
    summary: "follow a change to its end",
    examples: ["ozctl ops watch 12"],
  });
  withOutput(command, ["json", "yaml"]).argument("<number>", "number of the operation", operationId);
  return runs(session, command, (id: bigint) => followOperation(session, id, outputOf(session)));
}

/** What -o says, before or behind the word watch or cancel. */
function outputOf({ output }: Session): OutputFormat | undefined {
  return output as OutputFormat | undefined;
}

function cancelCommand(session: Session): Command {
  const command = newCommand(session, "ops cancel", {
    summary: "end a change",
    description:
      "It begins nothing more, and what is ready stays: an instance goes back to the\nreplicas that it had. Restarts and stops that were begun go on.",
    examples: ["ozctl ops cancel 12"],
  });
  withOutput(command, ["json", "yaml"]).argument("<number>", "number of the operation", operationId);
  return runs(session, command, async (id: bigint) => {
    const { operation } = await (
      await session.client()
    ).call(OperationsService.method.cancelOperation, { id }, { timeoutMs: 30_000 });
    if (operation === undefined || !(await printMessage(session.io, outputOf(session), OperationSchema, operation))) {
      session.io.out(
        `${operation?.title ?? `Operation ${id}`} is ${operation === undefined ? "cancelled" : operationState(operation)}.  ozctl ps\n`,
      );
    }
    return 0;
  });
}

function operationId(written: string): bigint {
  if (/^[1-9]\d{0,18}$/.test(written)) return BigInt(written);
  throw new OzError("bad_request", `"${written}" is no number of an operation.`, { hint: "ozctl ops" });
}

async function list({ io, client }: Session, { limit = 0, output }: Options): Promise<number> {
  const answer = await (await client()).call(OperationsService.method.listOperations, { limit });
  if (output === "name")
    printNames(
      io,
      answer.operations.map((operation) => String(operation.id)),
    );
  else if (await printMessage(io, output, ListOperationsResponseSchema, answer)) return 0;
  else if (answer.operations.length === 0) io.out("Nothing was changed yet.  ozctl apply -f ozwald.yml\n");
  else io.out(opsText(io, answer.operations, output === "wide"));
  return 0;
}

export function opsText(io: Io, operations: readonly Operation[], wide = false): string {
  const columns: Column<Operation>[] = [
    { title: "OP", value: (operation) => String(operation.id) },
    { title: "WHAT", value: (operation) => operation.title, shrink: true },
    {
      title: "STATE",
      value: operationState,
      style: (operation) => (operation.state === OperationState.FAILED ? "red" : undefined),
    },
    {
      title: "STEPS",
      value: (operation) => `${operation.steps.filter((step) => step.done).length}/${operation.steps.length}`,
    },
    { title: "STARTED", value: (operation) => `${age(operation.started, io.clock.now())} ago` },
    { title: "TOOK", value: tookText },
    ...(wide ? [{ title: "BY", value: (operation: Operation) => operation.actor }] : []),
  ];
  return table(io, columns, operations);
}

function operationState({ state }: Operation): string {
  const words: Record<number, string> = {
    [OperationState.RUNNING]: "going on",
    [OperationState.DONE]: "done",
    [OperationState.FAILED]: "failed",
    [OperationState.CANCELLED]: "cancelled",
    [OperationState.SUPERSEDED]: "overtaken",
  };
  return words[state] ?? "";
}
