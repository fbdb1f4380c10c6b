// ozctl plan: what apply would do.
import type { Command } from "commander";
import { PlanAction, PlanSchema, SettingsService, type Plan } from "#proto/settings_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { OzError } from "#core/errors.ts";
import { printMessage, printNames } from "../output/format.ts";
import { changesAnything, planText } from "../output/plan.ts";
import type { Session } from "../session.ts";
import { readSettings, type SettingsTexts } from "../settings-files.ts";
import { formatName } from "../spec-argument.ts";
import { addFiles } from "./files-option.ts";

type Options = { file: string[]; project?: string; detailedExitCode?: boolean; output?: OutputFormat };

export function planCommand(session: Session): Command {
  const command = newCommand(session, "plan", {
    summary: "show what apply would do",
    description: "Changes nothing. With --detailed-exit-code: 0 nothing to change, 3 changes, 1 or 2 as always.",
    examples: ["ozctl plan", "ozctl plan -f ozwald.yml --detailed-exit-code", "ozctl plan -o json"],
  });
  addFiles(command)
    .option("--project <name>", "project, instead of the one the files name")
    .option("--detailed-exit-code", "exit 3 when something would change");
  withOutput(command, ["json", "yaml", "name"]);
  return runs(session, command, (options: Options) => showPlan(session, options));
}

async function showPlan(session: Session, options: Options): Promise<number> {
  const { io } = session;
  const plan = await requestPlan(session, await readSettings(io.cwd, options.file, io.env), options.project);
  if (options.output === "name") printNames(io, changedNames(plan));
  else if (!(await printMessage(io, options.output, PlanSchema, plan))) {
    io.out(planText(io, plan));
    if (!changesAnything(plan)) io.out("Nothing to change.\n");
  }
  return options.detailedExitCode && changesAnything(plan) ? 3 : 0;
}

/** Asks the control plane for the plan of these texts. Planning looks at every host, so it may take longer than other calls. */
export async function requestPlan(session: Session, texts: SettingsTexts, project = ""): Promise<Plan> {
  const client = await session.client();
  const { plan } = await client.call(SettingsService.method.planSettings, { ...texts, project }, { timeoutMs: 30_000 });
  if (plan === undefined) throw new OzError("internal", "The control plane answered without a plan.");
  return plan;
}

function changedNames(plan: Plan): string[] {
  const changed = plan.steps.filter((step) => step.action !== PlanAction.KEEP);
  return [...new Set(changed.map((step) => formatName(step.group, step.instance)))];
}
