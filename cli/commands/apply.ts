// ozctl apply: show the plan, ask, carry it out, show how far it is.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { PlanAction, SettingsService } from "#proto/settings_pb.ts";
import { ask } from "../ask.ts";
import { newCommand, type OutputFormat, runs, wholeNumber, withOutput } from "../command.ts";
import { followOperation } from "../follow.ts";
import type { Io } from "../io.ts";
import { printValue } from "../output/format.ts";
import { changesAnything, planText } from "../output/plan.ts";
import { sendChange } from "../send-change.ts";
import type { Session } from "../session.ts";
import { readSettings } from "../settings-files.ts";
import { addFiles } from "./files-option.ts";
import { requestPlan } from "./plan.ts";

type Options = {
  file: string[];
  project?: string;
  yes?: boolean;
  expectRevision?: number;
  detach?: boolean;
  output?: OutputFormat;
};

export function applyCommand(session: Session): Command {
  const command = newCommand(session, "apply", {
    summary: "make settings the wanted state",
    description: "Shows the plan and asks. Ctrl-C leaves the change going on and says how to watch or stop it.",
    examples: ["ozctl apply", "ozctl apply -f ozwald.yml --yes", "ozctl apply --yes --expect-revision 7"],
  });
  addFiles(command)
    .option("--project <name>", "project, instead of the one the files name")
    .option("-y, --yes", "do not ask")
    .option(
      "--expect-revision <number>",
      "refuse when the project is not at this revision any more",
      wholeNumber("--expect-revision"),
    )
    .option("--detach", "do not wait for the end");
  withOutput(command, ["json", "yaml"]);
  return runs(session, command, (options: Options) => apply(session, options));
}

async function apply(session: Session, options: Options): Promise<number> {
  const { io } = session;
  const forPrograms = options.output === "json" || options.output === "yaml" ? options.output : undefined;
  const texts = await readSettings(io.cwd, options.file, io.env);
  const plan = await requestPlan(session, texts, options.project);
  const expected = options.expectRevision === undefined ? plan.fromRevision : BigInt(options.expectRevision);
  if (expected !== plan.fromRevision) {
    throw new OzError(
      "conflict",
      `Project ${plan.project} is at revision ${plan.fromRevision}, not ${expected}. Nothing was changed.`,
      { hint: "Look at what would change now:  ozctl plan" },
    );
  }
  if (forPrograms === undefined) io.out(planText(io, plan));
  if (!changesAnything(plan)) {
    if (forPrograms === undefined) io.out("Nothing to change.\n");
    else await printValue(io, forPrograms, { operation: null });
    return 0;
  }
  if (!options.yes && !(await agreed(io, forPrograms))) {
    io.out("Nothing done.\n");
    return 1;
  }
  const unplaced = plan.steps.some((step) => step.action === PlanAction.UNPLACED);
  const client = await session.client();
  const request = { ...texts, project: options.project ?? "", expectedRevision: expected };
  const { applySettings } = SettingsService.method;
  return await sendChange(
    io,
    (idempotencyKey, signal) =>
      client.call(applySettings, { ...request, idempotencyKey }, { timeoutMs: 30_000, signal }),
    ({ operationId }, left) => begun(session, operationId, unplaced, options, left),
  );
}

async function begun(
  session: Session,
  operationId: bigint,
  unplaced: boolean,
  options: Options,
  left: AbortSignal,
): Promise<number> {
  const { io } = session;
  const forPrograms = options.output === "json" || options.output === "yaml" ? options.output : undefined;
  if (operationId === 0n) {
    if (forPrograms !== undefined) await printValue(io, forPrograms, { operation: null });
    if (!unplaced) return 0;
    io.err("What is marked ! has no place still; nothing else is to change.  ozctl why NAME\n");
    return 1;
  }
  if (options.detach) {
    if (forPrograms === undefined) io.out(`Going on.  ozctl ops watch ${operationId}\n`);
    else await printValue(io, forPrograms, { operation: String(operationId) });
    return 0;
  }
  return await followOperation(session, operationId, options.output, left);
}

/** Asks on a terminal; without one, and where the plan was not shown because a program reads, it never asks and refuses. */
async function agreed(io: Io, forPrograms: OutputFormat | undefined): Promise<boolean> {
  const why =
    forPrograms !== undefined
      ? `With -o ${forPrograms} the plan is not shown`
      : !io.isTerminal || io.stdin.isTTY !== true
        ? "This is no terminal"
        : "";
  if (why !== "")
    throw new OzError("bad_request", `${why}, so nobody can be asked. Nothing was changed.`, {
      hint: "Add --yes to apply without asking.",
    });
  return await ask(io, "Apply?");
}
