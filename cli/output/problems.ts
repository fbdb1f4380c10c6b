// Settings problems, one a line.
import { formatProblem } from "#core/settings/problem.ts";
import type { Problem } from "#core/settings/settings.ts";

/** "ozwald.yml:14:7   services[1].enviroment: unknown key. Did you mean environment?" for each. */
export function problemLines(problems: readonly Problem[]): string {
  return problems.map((problem) => `${formatProblem(problem)}\n`).join("");
}
