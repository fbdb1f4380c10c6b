// Names what a spec allows beyond the hardened default, so that a person sees it before it runs.
import { exposesHost } from "../mount-rules.ts";
import { MountKind, type ReplicaSpec } from "#proto/spec_pb.ts";

const defaultPids = 4096;

/** Each relaxation by name: "privileged", "cap_add SYS_ADMIN", "port 8000 on 0.0.0.0". Empty for the hardened default. */
export function relaxations(spec: ReplicaSpec): string[] {
  const { security, resources } = spec;
  const pids = resources?.pids ?? 0;
  return [
    ...(security?.privileged === true ? ["privileged"] : []),
    ...(security?.capAdd ?? []).map((capability) => `cap_add ${capability}`),
    ...(security?.allowNewPrivileges === true ? ["new privileges"] : []),
    ...(security?.devices ?? []).map((device) => `device ${device}`),
    ...(security?.hostIpc === true ? ["host IPC"] : []),
    ...(security?.hostNetwork === true ? ["host network"] : []),
    ...spec.ports
      .filter((port) => port.hostAddress !== "" && !isLoopback(port.hostAddress))
      .map((port) => `port ${port.hostPort || port.containerPort} on ${port.hostAddress}`),
    ...spec.mounts
      .filter((mount) => mount.kind === MountKind.BIND && exposesHost(mount.source, mount.readOnly))
      .map((mount) => `bind ${mount.source}${mount.readOnly ? " (read-only)" : ""}`),
    ...spec.mounts.filter((mount) => mount.external).map((mount) => `volume ${mount.source} of the engine`),
    ...(pids > defaultPids ? [`pids ${pids}`] : []),
  ];
}

/** True when only the host itself can reach the address. */
export function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
