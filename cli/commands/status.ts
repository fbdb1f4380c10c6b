// ozctl status: how the control plane is. Exit 0 when every check is well.
import type { Command } from "commander";
import { GetStatusResponseSchema, StatusService, type GetStatusResponse } from "#proto/status_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import type { Io } from "../io.ts";
import { age } from "../output/ages.ts";
import { printMessage } from "../output/format.ts";
import { formatCaSha256 } from "../output/fingerprint.ts";
import { length, pad } from "../output/table.ts";
import type { Session } from "../session.ts";

export function statusCommand(session: Session): Command {
  const command = newCommand(session, "status", {
    summary: "how the control plane is",
    description: "Exit code 0 when all is well, else 1.",
    examples: ["ozctl status", "ozctl status -o json"],
  });
  return runs(session, withOutput(command, ["wide", "json", "yaml"]), async ({ output }: { output?: OutputFormat }) => {
    const client = await session.client();
    const status = await client.call(StatusService.method.getStatus, {});
    if (!(await printMessage(session.io, output, GetStatusResponseSchema, status)))
      session.io.out(statusText(session.io, status, output === "wide"));
    return status.checks.every((check) => check.ok) ? 0 : 1;
  });
}

export function statusText(io: Io, status: GetStatusResponse, wide = false): string {
  const width = Math.max(0, ...status.checks.map((check) => length(check.name)));
  const checks = status.checks.map(({ ok, name, message, hint }) => {
    const word = ok ? io.style("green", "ok  ") : io.style("red", "FAIL");
    return `  ${word}  ${pad(name, width)}  ${message}`.trimEnd() + `\n${hint === "" ? "" : `        ${hint}\n`}`;
  });
  const details = wide
    ? `cluster ${status.clusterId}\nauthority sha256 ${formatCaSha256(status.caSha256)}\nrevision ${status.revision}\n`
    : "";
  const up = age(status.started, io.clock.now());
  return [
    `Ozwald ${status.version} at ${status.address}${up && `, up ${up}`}\n`,
    details,
    ...checks,
    `${status.hostsOnline} of ${status.hosts} hosts online, ${status.replicasReady} of ${status.replicas} replicas ready\n`,
  ].join("");
}
