// ozctl down: make an instance unwanted.
import type { Command } from "commander";
import { InstancesService } from "#proto/instances_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { sendChange } from "../send-change.ts";
import type { Session } from "../session.ts";
import { carryOut } from "./carry-out.ts";
import { readSpec, type SpecOptions, withSpec } from "./spec-options.ts";

type Options = SpecOptions & { detach?: boolean; output?: OutputFormat };

export function downCommand(session: Session): Command {
  const command = newCommand(session, "down", {
    summary: "stop an instance",
    description:
      "One that settings want stays down until the next apply. Flags, and brackets as for up, have to be what the instance is, else nothing is stopped.",
    examples: ["ozctl down tiny-llm", "ozctl down shop:web --detach", "ozctl down embed --host tower"],
  });
  withSpec(withOutput(command, ["json", "yaml"]), {
    service: "only when it is of this service",
    variety: "only when it has this hardware form",
    profile: "only when it has this set of parameters",
    host: "only when it is on this machine",
  }).option("--detach", "do not wait until it is gone");
  return runs(session, command, async (written: string, options: Options) => {
    const spec = await readSpec(session, "down", written, options);
    const client = await session.client();
    const { downInstance } = InstancesService.method;
    return await sendChange(
      session.io,
      (idempotencyKey, signal) => client.call(downInstance, { ...spec, idempotencyKey }, { signal }),
      (answer, left) => carryOut(session, answer, options, `${written} is down already.`, left),
    );
  });
}
