// ozctl check: the control plane's own parser, offline.
import type { Command } from "commander";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { counted, problemCount } from "../errors.ts";
import { printValue } from "../output/format.ts";
import { problemLines } from "../output/problems.ts";
import type { Session } from "../session.ts";
import { readSettings } from "../settings-files.ts";
import { addFiles } from "./files-option.ts";

export function checkCommand(session: Session): Command {
  const command = newCommand(session, "check", {
    summary: "find every problem in settings, without a control plane",
    examples: ["ozctl check", "ozctl check -f ozwald.yml -f local.yml", "ozctl check -o json"],
  });
  withOutput(addFiles(command), ["json", "yaml"]);
  return runs(session, command, (options: { file: string[]; output?: OutputFormat }) => check(session, options));
}

async function check({ io }: Session, { file, output }: { file: string[]; output?: OutputFormat }): Promise<number> {
  const { files, envFiles } = await readSettings(io.cwd, file, io.env);
  const { parseSettings } = await import("#core/settings/parse-settings.ts");
  const { settings, problems, more } = parseSettings(files, { envFiles });
  if (output === "json" || output === "yaml") {
    await printValue(io, output, { problems, more, notices: settings?.notices ?? [] });
  } else if (settings === undefined) {
    io.err(`${problemLines(problems)}${problemCount(problems, more)}, nothing sent.\n`);
  } else {
    const names = files.map(({ name }) => name).join(", ");
    const { services, instances, hosts, notices } = settings;
    io.out(
      `${names}: fine. ${counted(services.length, "service")}, ${counted(instances.length, "instance")}, ${counted(hosts.length, "host")}.\n`,
    );
    io.out(notices.map((notice) => `Note: ${notice}\n`).join(""));
  }
  return problems.length > 0 ? 2 : 0;
}
