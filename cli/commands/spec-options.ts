// What up and down have in common: which instance, and what it is said to be, in flags or in the original's brackets.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { ServicesService } from "#proto/services_pb.ts";
import type { Session } from "../session.ts";
import { parseSpecArgument, type ResolvedSpec, resolveSpec } from "../spec-argument.ts";

export type SpecOptions = { service?: string; variety?: string; profile?: string; host?: string; group?: string };

/** Adds the name and the flags that say the same as its brackets. */
export function withSpec(command: Command, text: Record<"service" | "variety" | "profile" | "host", string>): Command {
  return command
    .argument("<name>", "instance; GROUP:NAME outside of group default")
    .option("--service <name>", text.service)
    .option("--variety <name>", text.variety)
    .option("--profile <name>", text.profile)
    .option("--host <name>", text.host)
    .option("--group <name>", "private network and name space");
}

/** What the brackets and the flags say together; both at once for one thing is refused. */
export async function readSpec(
  session: Session,
  verb: "up" | "down",
  written: string,
  options: SpecOptions,
): Promise<ResolvedSpec & { host: string }> {
  const spec = parseSpecArgument(written, verb);
  const { service = "", variety = "", profile = "", host = "" } = options;
  if (spec.group !== "" && options.group !== undefined && spec.group !== options.group) {
    throw new OzError("bad_request", `The group is ${spec.group} in "${written}" and ${options.group} in --group.`, {
      hint: "Say it once.",
    });
  }
  const group = spec.group || (options.group ?? "");
  if (spec.tokens.every((token) => token === "")) return { group, name: spec.name, service, variety, profile, host };
  if (service || variety || profile) {
    throw new OzError("bad_request", `"${written}" has brackets, and there are flags that say the same.`, {
      hint: "Use either brackets, or --service, --variety and --profile.",
    });
  }
  const client = await session.client();
  const [{ services }, { instances }] = await Promise.all([
    client.call(ServicesService.method.listServices, {}),
    client.call(InstancesService.method.listInstances, {}),
  ]);
  const present = instances.find((known) => known.name === spec.name && known.group === (group || "default"));
  return { ...resolveSpec({ ...spec, group }, services, { verb, serviceNow: present?.service ?? "" }), host };
}
