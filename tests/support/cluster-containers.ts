// Containers of one test cluster as the container engine itself tells them.
import { mustRun, runCommand } from "./run-command.ts";

/** Runs the docker command line on some engine; throws when it fails. */
export type Docker = (...argv: string[]) => Promise<string>;

export type SeenContainer = {
  readonly id: string;
  readonly name: string;
  readonly instance: string;
  readonly replicaId: string;
  readonly running: boolean;
  /** Process id on the host; 0 when it does not run. */
  readonly pid: number;
  /** When its process began, as the engine writes it. */
  readonly startedAt: string;
};

/** The machine's own engine. */
export const machineDocker: Docker = (...argv) => mustRun(["docker", ...argv]);

type Inspected = {
  Id: string;
  Name: string;
  Config: { Labels: Record<string, string> };
  State: { Running: boolean; Pid: number; StartedAt: string };
};

/** Every container of the cluster, ended ones too, oldest first. */
export async function clusterContainers(docker: Docker, clusterId: string): Promise<SeenContainer[]> {
  const ids = lines(await docker("ps", "-aq", "--no-trunc", "--filter", `label=ozwald.cluster=${clusterId}`));
  if (ids.length === 0) return [];
  // One of them may be gone by now: then the others are told one by one.
  const text = await docker("inspect", ...ids).catch(async () => {
    const each = await Promise.all(ids.map((id) => docker("inspect", id).catch(() => "[]")));
    return JSON.stringify(each.flatMap((one) => JSON.parse(one) as unknown[]));
  });
  return (JSON.parse(text) as Inspected[]).toReversed().map(({ Id, Name, Config, State }) => ({
    id: Id,
    name: Name.slice(1),
    instance: Config.Labels["ozwald.instance"] ?? "",
    replicaId: Config.Labels["ozwald.replica"] ?? "",
    running: State.Running,
    pid: State.Pid,
    startedAt: State.StartedAt,
  }));
}

/** Removes everything of the cluster from the machine's engine. */
export async function removeClusterThings(clusterId: string): Promise<void> {
  const filter = ["--filter", `label=ozwald.cluster=${clusterId}`];
  const remove = async (list: string[], end: string[]) => {
    const found = lines((await runCommand(["docker", ...list, ...filter])).stdout);
    if (found.length > 0) await runCommand(["docker", ...end, ...found]);
  };
  await remove(["ps", "-aq"], ["rm", "-f"]);
  await remove(["network", "ls", "-q"], ["network", "rm"]);
  await remove(["volume", "ls", "-q"], ["volume", "rm", "-f"]);
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
