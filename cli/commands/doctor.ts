// ozctl doctor: looks for the usual troubles and says how each is mended. Exit 1 when something is wrong.
import type { Command } from "commander";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import type { Finding } from "../doctor/check.ts";
import { counted } from "../errors.ts";
import type { Io } from "../io.ts";
import { printValue } from "../output/format.ts";
import type { Session } from "../session.ts";

export function doctorCommand(session: Session): Command {
  const command = newCommand(session, "doctor", {
    summary: "find the usual troubles and how they are mended",
    description:
      "Looks from this machine; what only a host itself shows is looked at when\nozctl runs there. Exit code 1 when something is wrong, 0 for notices.",
    examples: ["ozctl doctor", "ozctl doctor --host tower", "ozctl doctor -o json"],
  });
  withOutput(command, ["wide", "json", "yaml"]).option("--host <name>", "only this host and what runs there");
  return runs(session, command, async ({ host, output }: { host?: string; output?: OutputFormat }) => {
    const [{ gatherFacts }, { diagnose }, { allChecks }] = await Promise.all([
      import("../doctor/gather.ts"),
      import("../doctor/check.ts"),
      import("../doctor/all-checks.ts"),
    ]);
    const findings = diagnose(allChecks, await gatherFacts(session, host));
    if (output === "json" || output === "yaml") await printValue(session.io, output, { checks: findings });
    else session.io.out(doctorText(session.io, findings, output === "wide"));
    return findings.some((finding) => finding.result === "problem") ? 1 : 0;
  });
}

/** What is wrong, what will be, and how much was looked at. wide lists what is well too. */
export function doctorText(io: Io, findings: readonly Finding[], wide = false): string {
  const lines = findings.flatMap((finding) => findingLines(io, finding, wide));
  const count = (result: Finding["result"]) => findings.filter((finding) => finding.result === result).length;
  const parts = [
    `${counted(findings.length, "check")}: ${count("ok")} well`,
    count("problem") > 0 ? `${count("problem")} wrong` : "",
    count("notice") > 0 ? counted(count("notice"), "notice") : "",
    count("unknown") > 0 ? `${count("unknown")} not to be seen from here` : "",
  ];
  return [...lines, `${parts.filter((part) => part !== "").join(", ")}\n`].join("");
}

function findingLines(io: Io, { check, result, troubles }: Finding, wide: boolean): string[] {
  if (result === "ok") return wide ? [`${io.style("green", "ok  ")}  ${check}\n`] : [];
  if (result === "unknown") return wide ? [`${io.style("dim", "?   ")}  ${check}\n`] : [];
  return troubles.map(({ subject, message, fix, notice }) => {
    const word = notice === true ? io.style("yellow", "note") : io.style("red", "FAIL");
    return `${word}  ${check}  ${subject}: ${message}\n${fix === "" ? "" : `      ${fix}\n`}`;
  });
}
