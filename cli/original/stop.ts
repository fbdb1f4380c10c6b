// stop_provisioner: ends the two programs that start_provisioner started, and nothing else. What runs keeps running, and is found again by
// the next start.
import { HostsService } from "#proto/hosts_pb.ts";
import { openClient } from "../client.ts";
import { counted } from "../errors.ts";
import { endProcesses } from "./own-program.ts";
import type { Places } from "./places.ts";
import { agentCommand, controlPlaneCommand } from "./provisioner.ts";
import type { Scene } from "./scene.ts";

export async function stopProvisioner({ io, places }: Scene): Promise<number> {
  const replicas = await replicasHere(places);
  const agents = await endProcesses(agentCommand(places), io.clock);
  const controlPlanes = await endProcesses(controlPlaneCommand(places), io.clock);
  if (agents + controlPlanes === 0) io.out("No provisioner that ozwald started runs here.\n");
  else io.out("provisioner  stopped\n");
  if (replicas > 0)
    io.out(`services     ${counted(replicas, "replica")} left running; the next start finds them again\n`);
  return 0;
}

async function replicasHere(places: Places): Promise<number> {
  const client = openClient({ address: `unix:${places.socket}` });
  const hosts = await client.call(HostsService.method.listHosts, {}, { timeoutMs: 3_000 }).then(
    (answer) => answer.hosts,
    () => [],
  );
  return hosts.reduce((sum, host) => sum + host.replicas, 0);
}
