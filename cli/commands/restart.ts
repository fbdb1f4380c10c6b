// ozctl restart: replace every replica of an instance, failed ones too.
import type { Command } from "commander";
import { InstancesService } from "#proto/instances_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { sendChange } from "../send-change.ts";
import type { Session } from "../session.ts";
import { parseWholeInstance } from "../spec-argument.ts";
import { carryOut } from "./carry-out.ts";

export function restartCommand(session: Session): Command {
  const command = newCommand(session, "restart", {
    summary: "replace the replicas of an instance",
    description: "Failed ones begin anew with their whole budget of starts.",
    examples: ["ozctl restart tiny-llm", "ozctl restart shop:web --detach"],
  });
  withOutput(command, ["json", "yaml"])
    .argument("<name>", "instance; GROUP:NAME outside of group default")
    .option("--detach", "do not wait until it is ready");
  return runs(session, command, async (written: string, options: { detach?: boolean; output?: OutputFormat }) => {
    const { group, name } = parseWholeInstance(written, "restart");
    const client = await session.client();
    const { restartInstance } = InstancesService.method;
    return await sendChange(
      session.io,
      (idempotencyKey, signal) => client.call(restartInstance, { group, name, idempotencyKey }, { signal }),
      (answer, left) => carryOut(session, answer, options, `${written} has no replica to restart.`, left),
    );
  });
}
