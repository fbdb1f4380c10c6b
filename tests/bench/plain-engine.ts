// The comparator: the container engine used directly, by its command line and by its plain API, with nothing of ours between.
import Dockerode from "dockerode";
import { busyboxImage } from "../support/busybox-image.ts";
import { mustRun, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";

const label = "ozwald-bench";
const command = ["sleep", "86400"];

/** `docker run -d`, from the start of the command to its end; with more flags if given. */
export async function dockerRun(...flags: string[]): Promise<void> {
  await mustRun(["docker", "run", "-d", "--label", label, ...flags, busyboxImage, ...command]);
}

/** A bridge network as a person makes one; returns its name. */
export async function makePlainNetwork(): Promise<string> {
  const name = `${label}-${process.pid}`;
  await mustRun(["docker", "network", "create", "--label", label, name]);
  return name;
}

/** Removes it, and what dockerRun and createAndStart made. */
export async function removePlainNetwork(name: string): Promise<void> {
  await removePlain();
  // The engine may hold an endpoint for a moment after its container is gone.
  await waitUntil(
    `network ${name} is removed`,
    async () => (await runCommand(["docker", "network", "rm", name])).code === 0,
  );
}

/** Create and start through the API, so many containers, so many of them at the same time. network: default is the engine's own. */
export async function createAndStart(count: number, together: number, network = "default"): Promise<void> {
  const docker = new Dockerode();
  let left = count;
  const work = async () => {
    while (left-- > 0) {
      const container = await docker.createContainer({
        Image: busyboxImage,
        Cmd: command,
        Labels: { [label]: "" },
        HostConfig: { NetworkMode: network },
      });
      await container.start();
    }
  };
  await Promise.all(Array.from({ length: together }, work));
}

/** Removes what the two made. */
export async function removePlain(): Promise<void> {
  const ids = (await mustRun(["docker", "ps", "-aq", "--filter", `label=${label}`]))
    .split("\n")
    .filter((id) => id !== "");
  if (ids.length > 0) await mustRun(["docker", "rm", "-f", ...ids], { timeoutMs: 180_000 });
}
