// A plan as lines: what happens to which replica, where, and why.
import { PlanAction, type Plan, type PlanStep } from "#proto/settings_pb.ts";
import { formatBytes } from "#core/units.ts";
import type { Io, Style } from "../io.ts";
import { formatName } from "../spec-argument.ts";
import { cut, length, pad } from "./table.ts";

type ActionText = { symbol: string; word: string; style: Style | undefined };

const actions: Record<number, ActionText> = {
  [PlanAction.START]: { symbol: "+", word: "start", style: "green" },
  [PlanAction.STOP]: { symbol: "-", word: "stop", style: "red" },
  [PlanAction.RESTART]: { symbol: "~", word: "restart", style: "yellow" },
  [PlanAction.KEEP]: { symbol: "=", word: "keep", style: "dim" },
  [PlanAction.UNPLACED]: { symbol: "!", word: "no place", style: "red" },
};

export function actionText(action: PlanAction): ActionText {
  return actions[action] ?? { symbol: "?", word: "unknown", style: undefined };
}

/** True when carrying the plan out would change something. */
export function changesAnything(plan: Plan): boolean {
  return plan.fromRevision !== plan.toRevision || plan.steps.some((step) => step.action !== PlanAction.KEEP);
}

/** The whole plan, with its title. */
export function planText(io: Io, plan: Plan): string {
  const revisions =
    plan.fromRevision === plan.toRevision
      ? `revision ${plan.fromRevision}`
      : `revision ${plan.fromRevision} → ${plan.toRevision}`;
  return `Plan for project ${plan.project} (${revisions})\n${stepLines(io, plan.steps)}${plan.notices.map((notice) => `Note: ${notice}\n`).join("")}`;
}

/** The steps of a plan alone. */
export function stepLines(io: Io, steps: readonly PlanStep[]): string {
  const rows = steps.map((step) => ({ step, name: stepName(step, steps), what: what(step) }));
  const width = (value: (row: (typeof rows)[number]) => string) =>
    Math.max(0, ...rows.map((row) => length(value(row))));
  const names = width((row) => row.name);
  const words = width((row) => actionText(row.step.action).word);
  const hosts = width((row) => row.step.host);
  const most = io.size()?.columns ?? Number.POSITIVE_INFINITY;
  return rows
    .map(({ step, name, what: told }) => {
      const { symbol, word, style } = actionText(step.action);
      const head = `  ${symbol} ${pad(name, names)}  ${pad(word, words)}  ${pad(step.host, hosts)}  `;
      const line = cut(`${head}${told}`.trimEnd(), most);
      return `${style === undefined ? line : io.style(style, line)}\n${below(step)}`;
    })
    .join("");
}

/** The slot is named only where an instance has more than one replica. */
function stepName(step: PlanStep, steps: readonly PlanStep[]): string {
  const alone = steps.filter((other) => other.instance === step.instance && other.group === step.group).length === 1;
  return formatName(step.group, step.instance, alone ? undefined : step.slot);
}

function what(step: PlanStep): string {
  if (step.action === PlanAction.KEEP) return "";
  if (step.action === PlanAction.STOP || step.action === PlanAction.UNPLACED) return step.reason;
  const recipe = [step.variety, step.profile].filter((part) => part !== "").join(":");
  const memory = step.memoryBytes > 0n ? `${formatBytes(step.memoryBytes)} RAM` : "";
  const reason = step.reason === "new" ? "" : step.reason;
  const parts = step.action === PlanAction.START ? [recipe, memory, reason] : [reason];
  return [parts.filter((part) => part !== "").join(", "), step.needsPull ? `pull ${step.image}` : ""]
    .filter((part) => part !== "")
    .join("   ");
}

function below(step: PlanStep): string {
  const relaxed =
    step.relaxations.length > 0 && step.action !== PlanAction.STOP
      ? `      relaxed: ${step.relaxations.join(", ")}\n`
      : "";
  const turnedDown = step.candidates.filter((candidate) => !candidate.fits);
  return relaxed + turnedDown.map((candidate) => `      ${candidateName(candidate)}  ${candidate.reason}\n`).join("");
}

function candidateName({ host, variety }: { host: string; variety: string }): string {
  return variety === "" ? host : `${host} (${variety})`;
}
