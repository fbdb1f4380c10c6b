// ozctl host: invite a machine, or remove one.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { formatDuration, parseDurationMs } from "#core/units.ts";
import { CreateInviteResponseSchema, HostsService } from "#proto/hosts_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { printMessage } from "../output/format.ts";
import type { Session } from "../session.ts";

export function hostCommand(session: Session): Command {
  const command = newCommand(session, "host", {
    summary: "invite and remove machines",
    examples: ["ozctl host invite --name tower", "ozctl host rm tower", "ozctl hosts"],
  });
  return command.addCommand(inviteCommand(session)).addCommand(removeCommand(session));
}

function inviteCommand(session: Session): Command {
  const command = newCommand(session, "host invite", {
    summary: "print the line that makes a machine join",
    description: "The token in it works once and only for a while.",
    examples: ["ozctl host invite", "ozctl host invite --name tower --ttl 1h"],
  });
  withOutput(command, ["json", "yaml"])
    .option("--name <name>", "name the machine gets (default: its own)")
    .option("--ttl <duration>", "how long the token works (default: 15m, at most 24h)", seconds);
  return runs(
    session,
    command,
    async ({ name = "", ttl = 900, output }: { name?: string; ttl?: number; output?: OutputFormat }) => {
      const invite = await (await session.client()).call(HostsService.method.createInvite, { name, ttlSeconds: ttl });
      if (await printMessage(session.io, output, CreateInviteResponseSchema, invite)) return 0;
      const valid = ttl % 60 === 0 && ttl < 5_400 ? `${ttl / 60} min` : formatDuration(ttl * 1000);
      const join = `  ozwald-agent join ${invite.address} --token ${invite.token}\n`;
      const install = invite.installLine === "" ? "" : `  ${invite.installLine}\nWhere Ozwald is installed already:\n`;
      session.io.out(`On ${name || "that machine"}, as root (valid ${valid}, once):\n${install}${join}`);
      return 0;
    },
  );
}

function seconds(written: string): number {
  const ms = parseDurationMs(written);
  if (ms !== undefined && ms >= 1000 && ms <= 86_400_000) return Math.round(ms / 1000);
  throw new OzError("bad_request", `--ttl ${written}: that is no duration between 1s and 24h.`, {
    hint: "Write 15m, 1h or 90s.",
  });
}

function removeCommand(session: Session): Command {
  const command = newCommand(session, "host rm", {
    summary: "shut a machine out",
    description: "Its certificate is revoked at once. Its containers keep running.",
    examples: ["ozctl host rm tower", "ozctl host rm tower --force"],
  });
  command.argument("<name>", "name of the machine").option("--force", "although replicas are bound to it");
  return runs(session, command, async (name: string, { force = false }: { force?: boolean }) => {
    await (await session.client()).call(HostsService.method.removeHost, { name, force });
    session.io.out(`${name} is removed. Its containers keep running.  Back again:  ozctl host invite --name ${name}\n`);
    return 0;
  });
}
