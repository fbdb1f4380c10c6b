// ozctl: words in, exit code out. Only what the command needs is loaded: the start is most of the time a short command takes.
import { type ErrorCode, OzError, toOzError, errorCodes } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import { commit, version } from "#core/version.ts";
import { commandRows, findCommand, topHelp } from "./command-table.ts";
import { type Io, processIo } from "./io.ts";
import { openSession, type Session } from "./session.ts";

/**
 * Runs one command. argv holds the words after the program's name. Gives the exit code: 0 fine, 1 failure, 2 bad input,
 * 3 changes (`plan --detailed-exit-code`), 130 interrupted; `exec` passes the command's own through. Never throws.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  if (argv.length === 1 && (argv[0] === "version" || argv[0] === "--version" || argv[0] === "-V")) {
    io.out(`${versionLine()}\n`);
    return 0;
  }
  const session = openSession(io);
  try {
    return await dispatch(session, argv);
  } catch (error) {
    return await complain(session, error);
  }
}

/** "ozctl 0.1.0 (1a2b3c4)". */
export function versionLine(): string {
  return `ozctl ${version} (${commit})`;
}

/** What may stand before a command, or instead of one. */
const topOptions = ["--context", "--help", "--version"];

async function dispatch(session: Session, argv: readonly string[]): Promise<number> {
  const { words, context } = leadingOptions(argv);
  if (context !== undefined) session.contextName = context;
  const [word, ...rest] = words;
  if (word === undefined || word === "--help" || word === "-h" || (word === "help" && rest.length === 0)) {
    session.io.out(topHelp());
    return word === undefined ? 2 : 0;
  }
  if (word === "help") return await dispatch(session, [...rest, "--help"]);
  const row = findCommand(word);
  if (row === undefined) {
    const isOption = word.startsWith("-");
    const known = isOption ? topOptions : commandRows.map((command) => command.name);
    const meant = suggestion(isOption ? word.replace(/=.*/, "") : word, known);
    throw new OzError("bad_request", `There is no ${isOption ? "option" : "command"} "${word}". ${meant}`, {
      hint: "ozctl --help",
    });
  }
  const [{ runCommand }, declare] = await Promise.all([import("./command.ts"), row.load()]);
  return await runCommand(session, declare(session), rest);
}

/** Takes `--context NAME` away from before the command. */
function leadingOptions(argv: readonly string[]): { words: readonly string[]; context?: string } {
  const [first = "", second] = argv;
  if (first.startsWith("--context=")) return { words: argv.slice(1), context: first.slice("--context=".length) };
  if (first !== "--context") return { words: argv };
  if (second === undefined) throw new OzError("bad_request", "--context needs a name.", { hint: "ozctl context ls" });
  return { words: argv.slice(2), context: second };
}

async function complain(session: Session, thrown: unknown): Promise<number> {
  const error = toOzError(thrown);
  const { errorJson, errorText } = await import("./errors.ts");
  const forPrograms = session.output === "json";
  session.io.err(forPrograms ? errorJson(error) : errorText(error));
  if (!forPrograms && error.code === "internal" && thrown instanceof Error && session.io.env["OZWALD_DEBUG"])
    session.io.err(`${thrown.stack}\n`);
  return errorCodes[error.code satisfies ErrorCode].exit;
}
