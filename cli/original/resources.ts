// show_host_resources: the numbers of the control plane, asked over the REST interface (--use-api) or over the contract. Both are made by
// the same function from the same sample.
import { availableParallelism, freemem, hostname, totalmem } from "node:os";
import { type HostResources, hostResources } from "#core/host-resources.ts";
import { HostsService, HostState } from "#proto/hosts_pb.ts";
import { openClient } from "../client.ts";
import type { Io } from "../io.ts";
import type { Places } from "./places.ts";
import { restGet } from "./rest-call.ts";
import { type Scene, target } from "./scene.ts";

export async function showResources(scene: Scene): Promise<number> {
  const { io, words, places } = scene;
  const found = words.useApi ? await restGet<HostResources>(target(scene), "/srv/host/resources") : await local(places);
  if (found === undefined) {
    io.err("No provisioner of this machine answers; these are the operating system's numbers.\n");
    io.out(resourcesText(ownNumbers()));
  } else io.out(resourcesText(found));
  return 0;
}

/** Undefined when the control plane that start_provisioner starts is not there, or has no host yet. */
async function local(places: Places): Promise<HostResources | undefined> {
  const client = openClient({ address: `unix:${places.socket}` });
  const hosts = await client.call(HostsService.method.listHosts, {}).then(
    (answer) => answer.hosts,
    () => [],
  );
  const here = hosts.find((host) => host.inventory?.hostname === hostname());
  const host = here ?? hosts.find((one) => one.state === HostState.ONLINE) ?? hosts.find((one) => one.inventory);
  return host === undefined ? undefined : hostResources(host);
}

function ownNumbers(): HostResources {
  const gigabytes = (bytes: number) => Math.round((bytes / 2 ** 30) * 100) / 100;
  return {
    host: hostname(),
    total_cpu_cores: availableParallelism(),
    available_cpu_cores: null,
    total_ram_gb: gigabytes(totalmem()),
    available_ram_gb: gigabytes(freemem()),
    ...{ total_vram_gb: null, available_vram_gb: null, total_gpus: null, available_gpus: null, gpus: [] },
  };
}

/** What is not known is "?". */
export function resourcesText(all: HostResources): string {
  const of = (available: number | null, total: number | null, unit: string) =>
    `${available ?? "?"} of ${total ?? "?"} ${unit} available\n`;
  const gpus = all.gpus.map(
    (gpu) => `  gpu ${gpu.id}  ${gpu.description}  ${of(gpu.available_vram, gpu.total_vram, "MB of VRAM")}`,
  );
  return [
    `host  ${all.host}\n`,
    `CPU   ${of(all.available_cpu_cores, all.total_cpu_cores, "cores")}`,
    `RAM   ${of(all.available_ram_gb, all.total_ram_gb, "GB")}`,
    `GPU   ${of(all.available_gpus?.length ?? null, all.total_gpus, "GPUs")}`,
    `VRAM  ${of(all.available_vram_gb, all.total_vram_gb, "GB")}`,
    ...gpus,
  ].join("");
}

/** Short form for `status`. */
export function resourcesLine(io: Io, all: HostResources): string {
  const ram = `${all.available_ram_gb ?? "?"} of ${all.total_ram_gb ?? "?"} GB of RAM available`;
  return `${io.style("bold", all.host)}: ${all.total_cpu_cores ?? "?"} cores, ${ram}, GPUs ${all.total_gpus ?? "?"}`;
}
