// How a command is declared: options, examples, exit code. commander parses; every word of its refusals is ours.
import { Command, CommanderError } from "commander";
import { errorCodes, OzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import type { Session } from "./session.ts";

export type OutputFormat = "table" | "wide" | "json" | "yaml" | "name";

export type CommandText = {
  /** One line, without a full stop. */
  summary: string;
  /** At least one line that can be typed. */
  examples: readonly [string, ...string[]];
  /** More than the summary, where that is needed. */
  description?: string;
};

/** A command with what all of them share. */
export function newCommand(session: Session, name: string, text: CommandText): Command {
  const command = new Command(name.split(" ").at(-1));
  command
    .summary(text.summary)
    .description([capital(`${text.summary}.`), text.description ?? ""].join("\n").trimEnd())
    .option("--context <name>", "control plane to talk to (ozctl context ls)")
    .on("option:context", (value: string) => (session.contextName = value))
    .on("option:output", (value: string) => (session.output = value))
    .addHelpText("after", `\nExamples:\n${text.examples.map((line) => `  ${line}`).join("\n")}`)
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureHelp({ helpWidth: 80, commandUsage: (shown) => `ozctl ${fullName(shown)} ${shown.usage()}` })
    .configureOutput({ writeOut: (out) => session.io.out(out), writeErr: () => undefined });
  return command;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/** Adds -o with the formats that make sense for the command. */
export function withOutput(
  command: Command,
  formats: readonly OutputFormat[] = ["wide", "json", "yaml", "name"],
): Command {
  return command.option("-o, --output <format>", `${formats.join(", ")} instead of a table`, (written: string) => {
    if (!(formats as readonly string[]).includes(written)) {
      throw new OzError("bad_request", `-o ${written} is not known here.`, { hint: suggestion(written, formats) });
    }
    return written;
  });
}

/** Sets what the command does; the number it gives is the exit code. */
export function runs<Args extends unknown[]>(
  session: Session,
  command: Command,
  run: (...args: Args) => Promise<number>,
): Command {
  return command.action(async (...args) => {
    session.exitCode = await run(...(args as unknown as Args));
  });
}

/** Parses the words after the command's name and runs it. Gives the exit code; throws OzError. */
export async function runCommand(session: Session, command: Command, words: readonly string[]): Promise<number> {
  try {
    await command.parseAsync([...words], { from: "user" });
    return session.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return 0;
    if (error.code !== "commander.help") throw refusal(command, words, error);
    deepest(command, words).outputHelp();
    return 2;
  }
}

/** commander's refusal in our words: what is wrong, what was meant, where the help is. */
function refusal(root: Command, words: readonly string[], error: CommanderError): OzError {
  const command = deepest(root, words);
  const help = `ozctl ${fullName(command)} --help`;
  const what = error.message
    .replace(/^error: /, "")
    .replace(/\.$/, "")
    .replaceAll("'", '"');
  const flag = /^unknown option "(-[^"]*)"/.exec(what)?.[1];
  // A word after a command that has commands of its own was meant to be one of them.
  const extra =
    error.code === "commander.excessArguments" && command.commands.length > 0 ? firstWord(command, words) : undefined;
  const word = /^unknown command "([^"]*)"/.exec(what)?.[1] ?? extra;
  const known =
    flag !== undefined ? flags(command) : word !== undefined ? command.commands.map((sub) => sub.name()) : [];
  const meant = suggestion(flag ?? word ?? "", known);
  const said = extra === undefined ? what : `unknown command "${extra}"`;
  return new OzError("bad_request", `${capital(said)}.${meant && ` ${meant}`}`, { hint: help });
}

function firstWord(command: Command, words: readonly string[]): string | undefined {
  return words.slice(words.indexOf(command.name()) + 1).find((word) => !word.startsWith("-"));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function deepest(command: Command, words: readonly string[]): Command {
  const sub = command.commands.find((candidate) => candidate.name() === words[0]);
  return sub === undefined ? command : deepest(sub, words.slice(1));
}

function flags(command: Command): string[] {
  return [...command.options.flatMap((option) => (option.long === undefined ? [] : [option.long])), "--help"];
}

/** A whole number of at least min, and at most max. For commander's option parsers. Throws bad_request. */
export function wholeNumber(flag: string, min = 0, max = Number.MAX_SAFE_INTEGER): (written: string) => number {
  return (written) => {
    const value = /^\d+$/.test(written) ? Number(written) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new OzError("bad_request", `${flag} ${written}: that is no whole number ${range}.`);
  };
}

/** Exit code of an error. */
export function exitCodeOf(error: OzError): number {
  return errorCodes[error.code].exit;
}
