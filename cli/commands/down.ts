// ozctl down: make an instance unwanted.
import type { Command } from "commander";
import { InstancesService } from "#proto/instances_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { keyedCall } from "../keyed-call.ts";
import type { Session } from "../session.ts";
import { parseNameArgument } from "../spec-argument.ts";
import { carryOut } from "./carry-out.ts";

export function downCommand(session: Session): Command {
  const command = newCommand(session, "down", {
    summary: "stop an instance",
    description: "One that settings want stays down until the next apply.",
    examples: ["ozctl down tiny-llm", "ozctl down shop:web --detach"],
  });
  withOutput(command, ["json", "yaml"])
    .argument("<name>", "instance; GROUP:NAME outside of group default")
    .option("--detach", "do not wait until it is gone");
  return runs(session, command, async (written: string, options: { detach?: boolean; output?: OutputFormat }) => {
    const { group, name } = parseNameArgument(written);
    const client = await session.client();
    const answer = await keyedCall(session.io, (idempotencyKey) =>
      client.call(InstancesService.method.downInstance, { group, name, idempotencyKey }),
    );
    return await carryOut(session, answer, options, `${written} is down already.`);
  });
}
