// ozctl up: make an instance wanted.
import type { Command } from "commander";
import { maxReplicas } from "#core/settings/limits.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { newCommand, type OutputFormat, runs, wholeNumber, withOutput } from "../command.ts";
import { sendChange } from "../send-change.ts";
import type { Session } from "../session.ts";
import { carryOut } from "./carry-out.ts";
import { readSpec, type SpecOptions, withSpec } from "./spec-options.ts";

type Options = SpecOptions & { replicas?: number; detach?: boolean; output?: OutputFormat };

export function upCommand(session: Session): Command {
  const command = newCommand(session, "up", {
    summary: "start an instance",
    description:
      'Of one that exists, what is not said stays as it is. Also reads "NAME[service][variety][profile]", with [] to skip one; a second bracket alone may be a variety or a profile.',
    examples: ["ozctl up tiny-llm", "ozctl up embed --host tower --profile 8k", 'ozctl up "judge[llama][nvidia][16k]"'],
  });
  withSpec(withOutput(command, ["json", "yaml"]), {
    service: "service, when it is not named as the instance",
    variety: "hardware form (default: what fits)",
    profile: "set of parameters",
    host: "machine (default: what fits)",
  })
    .option("--replicas <number>", "how many (default: 1 for a new one)", wholeNumber("--replicas", 1, maxReplicas))
    .option("--detach", "do not wait until it is ready");
  return runs(session, command, (name: string, options: Options) => up(session, name, options));
}

async function up(session: Session, written: string, options: Options): Promise<number> {
  const spec = await readSpec(session, "up", written, options);
  const client = await session.client();
  const request = { ...spec, replicas: options.replicas ?? 0 };
  const { upInstance } = InstancesService.method;
  return await sendChange(
    session.io,
    (idempotencyKey, signal) => client.call(upInstance, { ...request, idempotencyKey }, { timeoutMs: 30_000, signal }),
    (answer, left) => carryOut(session, answer, options, `${written} is as wanted already.`, left),
  );
}
