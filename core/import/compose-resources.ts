// What a Compose service needs and may use: limits, GPUs, devices.
import { amountText } from "./amounts.ts";
import { InputMap, isMap, plainText } from "./input-map.ts";
import type { LayerDraft } from "./layer-draft.ts";
import { shown } from "./notes.ts";

/** Writes limits and GPUs of a service and of its deploy block. */
export function importResources(input: InputMap, draft: LayerDraft, deploy: InputMap | undefined): void {
  const resources = deploy?.map("resources");
  const limits = resources?.map("limits");
  const reservations = resources?.map("reservations");
  const first = (key: string, map: InputMap | undefined, name: string) => [input.text(key), map?.text(name)] as const;
  const [ownMemory, memory] = first("mem_limit", limits, "memory");
  const [ownCpus, cpus] = first("cpus", limits, "cpus");
  const [ownPids, pids] = first("pids_limit", limits, "pids");
  for (const [key, own, other] of [
    ["mem_limit", ownMemory, memory],
    ["cpus", ownCpus, cpus],
    ["pids_limit", ownPids, pids],
  ] as const)
    if (own !== undefined && other !== undefined) input.notNeeded(key, `deploy.resources.limits says it, not ${own}.`);
  draft.putIn("resources", "memory", amountText(memory ?? ownMemory), "mem_limit");
  draft.putIn("resources", "cpu", numeric(cpus ?? ownCpus), "cpus");
  const processes = Number(pids ?? ownPids ?? Number.NaN);
  if (processes > 0) draft.putIn("resources", "pids", processes, "pids_limit");
  else if (pids !== undefined || ownPids !== undefined)
    input.refuse(
      "pids_limit",
      "without a limit; processes are always limited here, to 4096 unless resources.pids says more.",
    );
  const devices = reservations?.list("devices") ?? [];
  for (const [i, device] of devices.entries())
    gpuRequest(new InputMap(device, reservations?.at(`devices[${i}]`) ?? "", input.notes), draft);
  const memoryLimited = memory !== undefined || ownMemory !== undefined;
  reservations?.close({
    memory: memoryLimited
      ? "the limit is what is promised here."
      : "memory is promised and limited by one number: resources.memory.",
    cpus: "cores are limited, not promised.",
  });
  limits?.close();
  resources?.close();
}

function numeric(written: string | undefined): number | string | undefined {
  return written === undefined || Number.isNaN(Number(written)) ? written : Number(written);
}

/** `gpus:` of a service: "all", or a list of requests. */
export function importGpus(input: InputMap, draft: LayerDraft): void {
  const runtime = input.text("runtime");
  if (runtime === "nvidia") {
    needGpus(draft, "nvidia", 1, "runtime");
    input.changed("runtime", "nvidia means a host with an NVIDIA GPU; how many is resources.gpus.");
  } else if (runtime !== undefined) input.refuse("runtime", `${shown(runtime)}: the engine's own runtime is used.`);
  const gpus = input.take("gpus");
  if (gpus === undefined) return;
  for (const [i, request] of (Array.isArray(gpus) ? gpus : [{ count: gpus }]).entries())
    gpuRequest(new InputMap(request, input.at(`gpus[${i}]`), input.notes), draft);
}

function gpuRequest(map: InputMap, draft: LayerDraft): void {
  const driver = map.text("driver") ?? "nvidia";
  const capabilities = map.texts("capabilities");
  const [count, ids] = [map.text("count") ?? "", map.texts("device_ids")];
  map.close();
  if (capabilities.length > 0 && !capabilities.some((each) => each === "gpu" || each === "nvidia"))
    return map.refuse(
      "capabilities",
      `devices with ${capabilities.join(", ")} (${count || ids.join(", ") || "any"}) cannot be asked for.`,
    );
  if (driver !== "nvidia" && driver !== "amd") return map.refuse("driver", `${shown(driver)} is not known here.`);
  const others = capabilities.filter((each) => !["gpu", "nvidia", "compute", "utility"].includes(each));
  if (others.length > 0) map.refuse("capabilities", `${others.join(", ")}: GPUs are given for compute and utility.`);
  if (ids.length > 0) map.changed("device_ids", `which GPUs is decided by placement, not ${ids.join(", ")}.`);
  else if (!/^\d+$/.test(count))
    map.changed("count", `${count || "all"} is one GPU here; write resources.gpus for more.`);
  needGpus(draft, driver, ids.length || (/^\d+$/.test(count) ? Number(count) : 1), "gpus");
}

function needGpus(draft: LayerDraft, vendor: "nvidia" | "amd", gpus: number, from: string): void {
  draft.put("requires", vendor === "nvidia" ? { gpu: vendor, runtime: vendor } : { gpu: vendor }, from);
  draft.putIn("resources", "gpus", gpus, from);
}

/** `devices:` of a service. Files of AMD's driver become a GPU, the others device files. */
export function importDevices(input: InputMap, draft: LayerDraft): void {
  const entries = input.list("devices");
  const paths = entries.map((entry) => (isMap(entry) ? entry["source"] : plainText(entry).split(":")[0]));
  const amd = paths.includes("/dev/kfd");
  if (amd) {
    needGpus(draft, "amd", 1, "devices");
    input.changed(
      "devices",
      "/dev/kfd and /dev/dri are one AMD GPU here, chosen by placement; resources.gpus for more.",
    );
  }
  const files: string[] = [];
  for (const [i, entry] of entries.entries()) {
    const from = `devices[${i}]`;
    const [source = "", target = source, permissions = "rwm"] = isMap(entry)
      ? longForm(new InputMap(entry, input.at(from), input.notes))
      : plainText(entry).split(":");
    if (amd && (source === "/dev/kfd" || source.startsWith("/dev/dri"))) continue;
    if (source !== target) input.refuse(from, `${source} cannot appear as ${target}.`);
    else if (!/^\/dev\/[^:]+$/.test(source)) input.refuse(from, `${shown(entry)} is no device file.`);
    else {
      if (permissions !== "rwm") input.changed(from, `${source} is readable and writable, not ${permissions}.`);
      files.push(source);
    }
  }
  if (files.length > 0) draft.putIn("security", "devices", files, "devices");
}

function longForm(map: InputMap): string[] {
  const source = map.text("source") ?? "";
  const parts = [source, map.text("target") ?? source, map.text("permissions") ?? "rwm"];
  map.close();
  return parts;
}
