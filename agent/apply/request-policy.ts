// What no replica gets, whatever its settings say. Every request to the engine passes here first.
import { OzError } from "#core/errors.ts";
import { hostPathRefusal, insidePathRefusal, overlapRefusal } from "#core/mount-rules.ts";
import { isName } from "#core/names.ts";
import { MountKind } from "#proto/spec_pb.ts";
import type { ContainerPlan } from "./engine.ts";

const kernelMemory = /^\/dev\/(mem|kmem|port|kcore)$/;
/** Read by the loader of hooks that run with the host's rights before the container starts (CVE-2025-23266). */
const loaderVariables = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT"];
const volumeName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const userName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?$/;

/**
 * Throws bad_request naming the first thing in the plan that is never allowed. Paths have to be resolved (no symlinks) by the caller;
 * ownFolders are those of the agent, of which no container gets anything.
 */
export function checkRequest(plan: ContainerPlan, ownFolders: readonly string[] = []): void {
  const { spec } = plan;
  for (const [what, name] of [
    ["instance", spec.instance],
    ["group", spec.group],
  ] as const) {
    if (!isName(name)) refuse(`The ${what} name ${JSON.stringify(name)} has characters that names do not have.`);
  }
  if (spec.image === "" || /[\s\0]/.test(plan.image)) refuse(`${JSON.stringify(plan.image)} is no image name.`);
  for (const mount of spec.mounts) checkMount(mount, ownFolders);
  for (const path of spec.security?.devices ?? []) checkDevice(path);
  checkEnvironment(plan);
  checkPorts(plan);
  const user = spec.security?.user ?? "";
  if (user !== "" && !userName.test(user)) refuse(`${JSON.stringify(user)} is no user.`);
  for (const capability of spec.security?.capAdd ?? []) {
    if (!/^[A-Z][A-Z_]*$/.test(capability)) refuse(`${JSON.stringify(capability)} is no capability.`);
  }
}

function checkMount(mount: { kind: MountKind; source: string; target: string }, ownFolders: readonly string[]): void {
  const where = `The mount ${JSON.stringify(mount.source)} → ${JSON.stringify(mount.target)}`;
  if (!mount.target.startsWith("/") || isUnclean(mount.target))
    refuse(`${where} needs an absolute path inside, without "..".`);
  const covered = insidePathRefusal(mount.target);
  if (covered !== undefined) refuse(`${where} is refused: ${covered}.`);
  if (mount.kind === MountKind.NAMED && !volumeName.test(mount.source)) refuse(`${where} names no volume.`);
  if (mount.kind === MountKind.BIND) checkHostPath(where, mount.source, ownFolders);
  if (mount.kind === MountKind.UNSPECIFIED) refuse(`${where} does not say what kind it is.`);
}

function checkHostPath(where: string, path: string, ownFolders: readonly string[]): void {
  if (!path.startsWith("/") || isUnclean(path)) refuse(`${where} needs an absolute path on the host, without "..".`);
  const clean = path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
  const reason = hostPathRefusal(clean) ?? overlapRefusal(clean, ownFolders);
  if (reason !== undefined) refuse(`${where} is refused: ${reason}.`);
}

function checkDevice(path: string): void {
  if (!path.startsWith("/dev/") || isUnclean(path) || path === "/dev/")
    refuse(`${JSON.stringify(path)} is no device file.`);
  if (kernelMemory.test(path)) refuse(`The device ${path} is the memory of the host and may not be passed on.`);
}

function checkEnvironment(plan: ContainerPlan): void {
  const { spec } = plan;
  for (const [key, value] of Object.entries(spec.environment)) {
    if (key === "" || key.includes("=") || key.includes("\0") || value.includes("\0")) {
      refuse(`The environment variable ${JSON.stringify(key)} has characters that variables do not have.`);
    }
    if (wantsGpu(plan) && loaderVariables.includes(key)) {
      refuse(
        `The environment variable ${key} is refused for services with GPUs: tools of the driver would obey it with the rights of the host.`,
      );
    }
  }
}

function checkPorts(plan: ContainerPlan): void {
  for (const port of plan.spec.ports) {
    const inRange = Number.isInteger(port.containerPort) && port.containerPort >= 1 && port.containerPort <= 65_535;
    if (!inRange) refuse(`${port.containerPort} is no port.`);
    if (!["", "tcp", "udp"].includes(port.transport))
      refuse(`Port ${port.containerPort}: ${JSON.stringify(port.transport)} is neither tcp nor udp.`);
  }
}

/** True when the replica gets GPUs or asks for some. */
export function wantsGpu(plan: ContainerPlan): boolean {
  const resources = plan.spec.resources;
  return (
    resources !== undefined && (resources.gpus > 0 || resources.deviceIds.length > 0 || resources.gpuVendor !== "")
  );
}

/** Paths that mean another path than they show. */
function isUnclean(path: string): boolean {
  return path.includes("\0") || path.includes("//") || path.split("/").some((part) => part === ".." || part === ".");
}

function refuse(message: string): never {
  throw new OzError("bad_request", message, { hint: "Change it in the settings and apply again." });
}
