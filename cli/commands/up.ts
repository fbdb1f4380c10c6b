// ozctl up: make an instance wanted.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { ServicesService } from "#proto/services_pb.ts";
import { newCommand, type OutputFormat, runs, wholeNumber, withOutput } from "../command.ts";
import { keyedCall } from "../keyed-call.ts";
import type { Session } from "../session.ts";
import { parseSpecArgument, type ResolvedSpec, resolveSpec } from "../spec-argument.ts";
import { carryOut } from "./carry-out.ts";

type Options = {
  service?: string;
  variety?: string;
  profile?: string;
  host?: string;
  group?: string;
  replicas?: number;
  detach?: boolean;
  output?: OutputFormat;
};

export function upCommand(session: Session): Command {
  const command = newCommand(session, "up", {
    summary: "start an instance",
    description:
      'Also reads "NAME[service][variety][profile]", with [] to skip one; a second bracket alone may be a variety or a profile.',
    examples: ["ozctl up tiny-llm", "ozctl up embed --host tower --profile 8k", 'ozctl up "judge[llama][nvidia][16k]"'],
  });
  withOutput(command, ["json", "yaml"])
    .argument("<name>", "instance; GROUP:NAME outside of group default")
    .option("--service <name>", "service, when it is not named as the instance")
    .option("--variety <name>", "hardware form (default: what fits)")
    .option("--profile <name>", "set of parameters")
    .option("--host <name>", "machine (default: what fits)")
    .option("--group <name>", "private network and name space")
    .option("--replicas <number>", "how many (default: 1)", wholeNumber("--replicas", 1))
    .option("--detach", "do not wait until it is ready");
  return runs(session, command, (name: string, options: Options) => up(session, name, options));
}

async function up(session: Session, written: string, options: Options): Promise<number> {
  const spec = await readSpec(session, written, options);
  const client = await session.client();
  const request = { ...spec, host: options.host ?? "", replicas: options.replicas ?? 0 };
  const answer = await keyedCall(session.io, (idempotencyKey) =>
    client.call(InstancesService.method.upInstance, { ...request, idempotencyKey }, { timeoutMs: 30_000 }),
  );
  return await carryOut(session, answer, options, `${written} is as wanted already.`);
}

/** What the brackets and the flags say together; both at once for one thing is refused. */
async function readSpec(session: Session, written: string, options: Options): Promise<ResolvedSpec> {
  const spec = parseSpecArgument(written);
  const { service = "", variety = "", profile = "" } = options;
  if (spec.group !== "" && options.group !== undefined && spec.group !== options.group) {
    throw new OzError("bad_request", `The group is ${spec.group} in "${written}" and ${options.group} in --group.`, {
      hint: "Say it once.",
    });
  }
  const group = spec.group || (options.group ?? "");
  if (spec.tokens.every((token) => token === "")) return { group, name: spec.name, service, variety, profile };
  if (service || variety || profile) {
    throw new OzError("bad_request", `"${written}" has brackets, and there are flags that say the same.`, {
      hint: "Use either brackets, or --service, --variety and --profile.",
    });
  }
  const { services } = await (await session.client()).call(ServicesService.method.listServices, {});
  return resolveSpec({ ...spec, group }, services);
}
