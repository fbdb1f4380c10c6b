// ozctl adopt and retire: decide about replicas that run and that nobody asks for.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { ReplicasService, ReplicaState } from "#proto/replicas_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { counted } from "../errors.ts";
import { printNames, printValue } from "../output/format.ts";
import type { Session } from "../session.ts";
import { formatName } from "../spec-argument.ts";

type Options = { all?: boolean; output?: OutputFormat };
type Verb = "adopt" | "retire";

const decideTime = { timeoutMs: 30_000 };

export function adoptCommand(session: Session): Command {
  return unknownCommand(
    session,
    "adopt",
    "keep unknown replicas and want them again",
    "Their instance has to be in the settings.",
  );
}

export function retireCommand(session: Session): Command {
  return unknownCommand(
    session,
    "retire",
    "stop and remove unknown replicas",
    "Only unknown ones; what is wanted ends with ozctl down.",
  );
}

function unknownCommand(session: Session, verb: Verb, summary: string, description: string): Command {
  const command = newCommand(session, verb, {
    summary,
    description,
    examples: [`ozctl ${verb} devbox/k3v9x2m4q7ab`, `ozctl ${verb} devbox --all`],
  });
  withOutput(command, ["json", "yaml", "name"])
    .argument("<host/replica>", "HOST/REPLICA as ozctl ps shows it, or HOST with --all")
    .option("--all", "every unknown replica of the host");
  return runs(session, command, (place: string, options: Options) => decide(session, verb, place, options));
}

async function decide(session: Session, verb: Verb, place: string, { all, output }: Options): Promise<number> {
  const [host = "", replicaId = "", ...more] = place.split("/");
  if (host === "" || more.length > 0)
    throw new OzError("bad_request", `"${place}" is no HOST/REPLICA.`, { hint: "ozctl ps shows the unknown ones." });
  if (replicaId !== "" && all)
    throw new OzError("bad_request", `"${place}" names one replica, and --all means every one.`, {
      hint: `ozctl ${verb} ${host} --all`,
    });
  if (replicaId === "" && !all) throw await whichOne(session, verb, host);
  const client = await session.client();
  const { adoptReplicas, retireReplicas } = ReplicasService.method;
  const request = { host, replicaId };
  const { replicaIds } =
    verb === "adopt"
      ? await client.call(adoptReplicas, request, decideTime)
      : await client.call(retireReplicas, request, decideTime);
  const done = verb === "adopt" ? "adopted" : "being retired";
  if (output === "name") printNames(session.io, replicaIds);
  else if (output === "json" || output === "yaml") await printValue(session.io, output, { replicaIds });
  else
    session.io.out(
      replicaIds.length === 0
        ? `No replica on ${host} is left to decide about; it obeys this control plane.\n`
        : `${counted(replicaIds.length, "replica")} on ${host} ${done}.  ozctl ps\n`,
    );
  return 0;
}

async function whichOne(session: Session, verb: Verb, host: string): Promise<OzError> {
  const { replicas } = await (await session.client()).call(ReplicasService.method.listReplicas, { host });
  const unknown = replicas.filter((replica) => replica.state === ReplicaState.UNKNOWN);
  const lines = unknown.map(
    (replica) => `  ozctl ${verb} ${host}/${replica.id}   ${formatName(replica.group, replica.instance, replica.slot)}`,
  );
  if (lines.length === 0) return new OzError("not_found", `Nothing on ${host} is unknown.`, { hint: "ozctl ps" });
  return new OzError("bad_request", `Say which of ${host}, or --all:`, { hint: lines.join("\n") });
}
