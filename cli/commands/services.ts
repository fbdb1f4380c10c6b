// ozctl services: what can be started.
import type { Command } from "commander";
import { ListServicesResponseSchema, type Service, ServicesService } from "#proto/services_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { printMessage, printNames } from "../output/format.ts";
import { type Column, table } from "../output/table.ts";
import type { Session } from "../session.ts";
import { formatName } from "../spec-argument.ts";

export function servicesCommand(session: Session): Command {
  const command = newCommand(session, "services", {
    summary: "what can be started",
    examples: ["ozctl services", "ozctl services -o json"],
  });
  return runs(session, withOutput(command), (options: { output?: OutputFormat }) => list(session, options.output));
}

async function list({ io, client }: Session, output: OutputFormat | undefined): Promise<number> {
  const answer = await (await client()).call(ServicesService.method.listServices, {});
  if (output === "name")
    printNames(
      io,
      answer.services.map((service) => formatName(service.group, service.name)),
    );
  else if (await printMessage(io, output, ListServicesResponseSchema, answer)) return 0;
  else if (answer.services.length === 0) io.out("No services are defined.  ozctl apply -f ozwald.yml\n");
  else io.out(table(io, columns(output === "wide"), answer.services));
  return 0;
}

function columns(wide: boolean): Column<Service>[] {
  const shown: Column<Service>[] = [
    { title: "SERVICE", value: (service) => formatName(service.group, service.name), shrink: true },
    {
      title: "VARIETIES",
      value: (service) => service.varieties.map((variety) => variety.name).join(", "),
      shrink: true,
    },
    { title: "PROFILES", value: (service) => service.profiles.join(", "), shrink: true },
    {
      title: "IMAGE",
      value: (service) => (service.type === "container" ? imageOf(service) : `${service.type}, not scheduled`),
      shrink: true,
    },
  ];
  if (!wide) return shown;
  return [
    ...shown,
    { title: "PROJECT", value: (service) => service.project },
    { title: "DESCRIPTION", value: (service) => service.description.split("\n")[0] ?? "" },
  ];
}

/** The image of each variety that is listed, each once: which of them runs is decided by the host. */
function imageOf({ image, varieties }: Service): string {
  const images = varieties.map((variety) => variety.image || image);
  return [...new Set(images.length > 0 ? images : [image])].filter((each) => each !== "").join(", ");
}
