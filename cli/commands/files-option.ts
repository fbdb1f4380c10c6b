// The -f option that check, plan and apply share.
import type { Command } from "commander";

export function addFiles(command: Command): Command {
  const collect = (file: string, files: string[]) => [...files, file];
  return command.option(
    "-f, --file <file>",
    "settings file; may be given again, later ones win (default: ozwald.yml)",
    collect,
    [],
  );
}
