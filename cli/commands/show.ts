// ozctl show: everything about one instance, or about a service of that name.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import { formatBytes } from "#core/units.ts";
import { InstanceSchema, InstancesService, type Instance } from "#proto/instances_pb.ts";
import type { Replica } from "#proto/replicas_pb.ts";
import { type Service, ServiceSchema, ServicesService } from "#proto/services_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import type { Io } from "../io.ts";
import { age } from "../output/ages.ts";
import { printMessage } from "../output/format.ts";
import { endpointText, recipe, stateText } from "../output/replica.ts";
import type { Session } from "../session.ts";
import { formatName, parseNameArgument } from "../spec-argument.ts";

export function showCommand(session: Session): Command {
  const command = newCommand(session, "show", {
    summary: "everything about one instance or service",
    examples: ["ozctl show tiny-llm", "ozctl show shop:web -o yaml"],
  });
  withOutput(command, ["json", "yaml"]).argument("<name>", "instance or service; GROUP:NAME outside of group default");
  return runs(session, command, (name: string, options: { output?: OutputFormat }) =>
    show(session, name, options.output),
  );
}

async function show(session: Session, written: string, output: OutputFormat | undefined): Promise<number> {
  const { io } = session;
  const { group, name } = parseNameArgument(written);
  const client = await session.client();
  const [{ instances }, { services }] = await Promise.all([
    client.call(InstancesService.method.listInstances, {}),
    client.call(ServicesService.method.listServices, {}),
  ]);
  const instance = pick(instances, group, name);
  const service = pick(services, instance?.group ?? group, instance?.service ?? name);
  if (instance !== undefined) {
    if (!(await printMessage(io, output, InstanceSchema, instance))) io.out(instanceText(io, instance, service));
  } else if (service !== undefined) {
    if (!(await printMessage(io, output, ServiceSchema, service)))
      io.out(`${serviceText(service)}Not wanted at present.  ozctl up ${formatName(service.group, service.name)}\n`);
  } else {
    const known = new Set([...instances, ...services].map((thing) => formatName(thing.group, thing.name)));
    throw new OzError("not_found", `There is no instance and no service "${written}".`, {
      hint: suggestion(written, known),
    });
  }
  return 0;
}

/** The one of the group; without a group the one of "default", else the only one of that name. */
function pick<T extends { group: string; name: string }>(
  things: readonly T[],
  group: string,
  name: string,
): T | undefined {
  const named = things.filter((thing) => thing.name === name);
  const exact = named.find((thing) => thing.group === (group || "default"));
  return exact ?? (group === "" && named.length === 1 ? named[0] : undefined);
}

function fields(rows: readonly (readonly [string, string])[], indent = ""): string {
  return rows
    .filter(([, value]) => value !== "")
    .map(([title, value]) => `${indent}${title.padEnd(11)} ${value}\n`)
    .join("");
}

function instanceText(io: Io, instance: Instance, service: Service | undefined): string {
  const head = fields([
    ["instance", formatName(instance.group, instance.name)],
    ["recipe", recipe(instance)],
    ["replicas", String(instance.replicas)],
    ["wanted by", `${instance.owner}${instance.overridden ? ", and down by hand until the next apply" : ""}`],
    ["host", instance.host],
    ["about", service?.description ?? ""],
  ]);
  return head + instance.units.map((replica) => replicaText(io, replica)).join("");
}

function replicaText(io: Io, replica: Replica): string {
  const { observed } = replica;
  const since = age(replica.since, io.clock.now());
  const ended =
    observed?.exitCode === undefined
      ? ""
      : `exit code ${observed.exitCode}${observed.outOfMemory ? ", out of memory" : ""}`;
  const rows = fields(
    [
      ["host", replica.host],
      ["recipe", recipe(replica)],
      ["image", replica.image],
      ["why", replica.reason],
      [
        "endpoints",
        observed?.endpoints.map((endpoint) => `${endpointText(endpoint)} (${endpoint.name})`).join(", ") ?? "",
      ],
      ["memory", observed?.memoryBytes === undefined ? "" : formatBytes(observed.memoryBytes)],
      ["container", observed?.container ?? ""],
      ["starts", observed === undefined ? "" : String(observed.starts)],
      ["last end", ended],
      ["relaxed", replica.relaxations.join(", ")],
    ],
    "  ",
  );
  const tail = observed?.logTail.map((line) => `  | ${line}\n`).join("") ?? "";
  return `replica ${replica.slot}   ${stateText(replica)}${since && ` since ${since}`}\n${rows}${tail}`;
}

function serviceText(service: Service): string {
  return fields([
    ["service", formatName(service.group, service.name)],
    ["about", service.description],
    ["type", service.type === "container" ? "" : `${service.type}: listed, never scheduled`],
    ["image", service.image],
    [
      "varieties",
      service.varieties.map((variety) => variety.name + (variety.requires && ` (${variety.requires})`)).join(", "),
    ],
    ["profiles", service.profiles.join(", ")],
    [
      "environment",
      Object.entries(service.environment)
        .map(([key, value]) => `${key}=${value}`)
        .join(" "),
    ],
    ["project", service.project],
  ]);
}
