// ozctl context: which control plane is meant.
import type { Command } from "commander";
import { contextNames, findContext, readContext, useContext } from "../contexts.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { printNames, printValue } from "../output/format.ts";
import { table } from "../output/table.ts";
import type { Session } from "../session.ts";

export function contextCommand(session: Session): Command {
  const command = newCommand(session, "context", {
    summary: "which control plane is meant",
    description: "Kept in ~/.config/ozwald/contexts, one file each. OZWALD_CONTEXT and --context come first.",
    examples: ["ozctl context ls", "ozctl context use lab", "ozctl --context lab ps"],
  });
  return command.addCommand(listCommand(session)).addCommand(useCommand(session));
}

function listCommand(session: Session): Command {
  const command = newCommand(session, "context ls", {
    summary: "list the control planes that are known here",
    examples: ["ozctl context ls", "ozctl context ls -o json"],
  });
  return runs(session, withOutput(command, ["json", "yaml", "name"]), async ({ output }: { output?: OutputFormat }) => {
    const { io } = session;
    const used = usedName(session);
    // Tokens are never printed, in no format.
    const rows = contextNames(io.env).map((name) => ({
      name,
      address: readContext(io.env, name).address,
      current: name === used,
    }));
    if (output === "name")
      printNames(
        io,
        rows.map((row) => row.name),
      );
    else if (output === "json" || output === "yaml") await printValue(io, output, rows);
    else if (rows.length === 0)
      io.out(`No context is known here.${used === undefined ? "" : " The local socket is used."}\n`);
    else
      io.out(
        table(
          io,
          [
            { title: "USED", value: (row) => (row.current ? "*" : " ") },
            { title: "CONTEXT", value: (row) => row.name },
            { title: "ADDRESS", value: (row) => row.address },
          ],
          rows,
        ),
      );
    return 0;
  });
}

function usedName(session: Session): string | undefined {
  try {
    return findContext(session.io.env, session.contextName)?.name;
  } catch {
    return undefined;
  }
}

function useCommand(session: Session): Command {
  const command = newCommand(session, "context use", {
    summary: "choose the control plane from now on",
    examples: ["ozctl context use lab"],
  });
  command.argument("<name>", "name of the context");
  return runs(session, command, async (name: string) => {
    useContext(session.io.env, name);
    session.io.out(`From now on: ${name}, ${readContext(session.io.env, name).address}\n`);
    return 0;
  });
}
