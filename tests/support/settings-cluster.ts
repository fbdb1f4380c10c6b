// What tests of settings share: words of one command inside a replica, and what the container engine says was made of the settings.
import { mustRun, runCommand } from "./run-command.ts";
import { testedProgram } from "./built-programs.ts";
import type { Cluster } from "./cluster.ts";
import { machineDocker } from "./cluster-containers.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- the engine's own words, looked at with matchers
export type Inspected = Record<string, any>;

/** `docker inspect` of the one running container of an instance. */
export async function inspectInstance(cluster: Cluster, instance: string): Promise<Inspected> {
  const { id } = await cluster.container(instance);
  return (JSON.parse(await machineDocker("inspect", id)) as [Inspected])[0];
}

/** `docker inspect` of the newest container of an instance, whether or not it ever ran. */
export async function inspectNewest(cluster: Cluster, instance: string): Promise<Inspected> {
  const filter = ["--filter", `label=ozwald.cluster=${cluster.id}`, "--filter", `label=ozwald.instance=${instance}`];
  const [id = ""] = (await machineDocker("ps", "-aq", ...filter)).split("\n");
  return (JSON.parse(await machineDocker("inspect", id)) as [Inspected])[0];
}

/** What a shell inside the running container of an instance answers, both outputs, without the last line feed. */
export async function sayInside(cluster: Cluster, instance: string, script: string): Promise<string> {
  const { id } = await cluster.container(instance);
  const { stdout, stderr } = await runCommand(["docker", "exec", id, "sh", "-c", script]);
  return (stdout + stderr).trimEnd();
}

/** `ozctl exec -i`, with this input. */
export function execWithInput(cluster: Cluster, input: string, ...argv: string[]) {
  return runCommand([...testedProgram("ozctl"), "exec", "-i", ...argv], { env: cluster.env, input });
}

/** True where the engine cannot give limits and capabilities that the machine itself lacks. */
export async function lacksSysResource(): Promise<boolean> {
  const status = await mustRun(["cat", "/proc/self/status"]);
  const bounding = BigInt(`0x${/CapBnd:\s+([0-9a-f]+)/.exec(status)?.[1] ?? "0"}`);
  return (bounding & (1n << 24n)) === 0n;
}
