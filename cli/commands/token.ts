// ozctl token: credentials of people and programs.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { formatDuration, parseDurationMs } from "#core/units.ts";
import { CreateTokenResponseSchema, ListTokensResponseSchema, type Token, TokensService } from "#proto/tokens_pb.ts";
import { ask } from "../ask.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { age, momentMs } from "../output/ages.ts";
import { printMessage, printNames } from "../output/format.ts";
import { table } from "../output/table.ts";
import { formatCaSha256 } from "../output/fingerprint.ts";
import type { Session } from "../session.ts";

export function tokenCommand(session: Session): Command {
  const command = newCommand(session, "token", {
    summary: "tokens of people and programs: create, list, revoke",
    examples: ["ozctl token create laptop", "ozctl token ls", "ozctl token revoke laptop"],
  });
  return command.addCommand(createCommand(session)).addCommand(listCommand(session)).addCommand(revokeCommand(session));
}

function createCommand(session: Session): Command {
  const command = newCommand(session, "token create", {
    summary: "make a token and show it once",
    description: "With the line to log in with it from another machine.",
    examples: ["ozctl token create laptop", "ozctl token create ci --expires 30d -o json"],
  });
  withOutput(command, ["json", "yaml"])
    .argument("<name>", "what the token is for")
    .option("--expires <duration>", "how long it is good (default: until it is revoked)", seconds);
  type Options = { expires?: number; output?: OutputFormat };
  return runs(session, command, async (name: string, { expires = 0, output }: Options) => {
    const client = await session.client();
    const made = await client.call(TokensService.method.createToken, { name, ttlSeconds: BigInt(expires) });
    if (await printMessage(session.io, output, CreateTokenResponseSchema, made)) return 0;
    const until = expires === 0 ? "until it is revoked" : `for ${formatDuration(expires * 1000)}`;
    session.io.out(
      [
        `Token ${name}, good ${until}. It is shown this once:`,
        `  ${made.token}`,
        ...(made.packageLine === ""
          ? []
          : [
              "On the other machine, with Node 20.18 or newer (Linux, macOS, Windows):",
              `  ${made.packageLine}`,
              "  npm install -g ./ozctl.tgz",
            ]),
        made.packageLine === "" ? "On the other machine, which asks for it:" : "Then, which asks for the token:",
        `  ozctl login ${made.address} --ca-sha256 ${formatCaSha256(made.caSha256)}`,
        "",
      ].join("\n"),
    );
    return 0;
  });
}

function seconds(written: string): number {
  const ms = parseDurationMs(written);
  if (ms !== undefined && ms >= 60_000) return Math.round(ms / 1000);
  throw new OzError("bad_request", `--expires ${written}: that is no duration of at least one minute.`, {
    hint: "Write 30d, 12h or 90m.",
  });
}

function listCommand(session: Session): Command {
  const command = newCommand(session, "token ls", {
    summary: "list the tokens that are known",
    examples: ["ozctl token ls", "ozctl token ls -o json"],
  });
  return runs(session, withOutput(command, ["json", "yaml", "name"]), async ({ output }: { output?: OutputFormat }) => {
    const { io } = session;
    const answer = await (await session.client()).call(TokensService.method.listTokens, {});
    const { tokens } = answer;
    if (output === "name")
      printNames(
        io,
        tokens.map((token) => token.name),
      );
    else if (!(await printMessage(io, output, ListTokensResponseSchema, answer)))
      io.out(
        table(
          io,
          [
            { title: "USED", value: (token) => (token.own ? "*" : " ") },
            { title: "TOKEN", value: (token) => token.name },
            { title: "ID", value: (token) => token.id },
            { title: "AGE", value: (token) => age(token.created, io.clock.now()) },
            { title: "ENDS", value: (token) => endsText(token, io.clock.now()) },
          ],
          tokens,
        ),
      );
    return 0;
  });
}

function endsText({ ended, expires }: Token, nowMs: number): string {
  if (ended) return "ended";
  return expires === undefined ? "never" : `in ${formatDuration(momentMs(expires) - nowMs)}`;
}

function revokeCommand(session: Session): Command {
  const command = newCommand(session, "token revoke", {
    summary: "end a token at once",
    description: "Asks first when it is the token that is used now.",
    examples: ["ozctl token revoke laptop", "ozctl token revoke laptop --yes"],
  });
  command.argument("<token>", "name or id").option("--yes", "do not ask");
  return runs(session, command, async (written: string, { yes = false }: { yes?: boolean }) => {
    const { io } = session;
    const client = await session.client();
    const { tokens } = await client.call(TokensService.method.listTokens, {});
    const own = tokens.some((token) => token.own && (token.id === written || token.name === written));
    if (own && !yes && io.isTerminal) {
      io.err("This is the token ozctl uses now. Without it this context is shut out.\n");
      if (!(await ask(io, "Revoke it?"))) return 1;
    }
    const evenOwn = yes || (own && io.isTerminal);
    const { info } = await client.call(TokensService.method.revokeToken, { token: written, evenOwn });
    io.out(`Token ${info?.name ?? written} is revoked.\n`);
    if (info?.own)
      io.err(
        "It was the one ozctl used here.  Another one, from the control plane's machine:  ozctl token create NAME\n",
      );
    return 0;
  });
}
