// What GPUs need: the container toolkit and a driver that is new enough.
import type { Host } from "#proto/hosts_pb.ts";
import { type Check, everyHost, isOlder } from "../check.ts";
import { type Facts, hostHere } from "../facts.ts";

/** The first driver that runs images made for CUDA 12. */
const oldestDriver = "525";

/** What the agent says of the driver, or what this machine shows when it is that host. Empty without one. */
function nvidiaDriver(host: Host, facts: Facts): string {
  const device = host.inventory?.devices.find((one) => one.vendor === "nvidia");
  if (device?.driverVersion) return device.driverVersion;
  return hostHere(facts) === host ? facts.here.nvidiaDriver : "";
}

export const gpuChecks: readonly Check[] = [
  everyHost("container-toolkit", (host, facts) => {
    const { engine, devices = [] } = host.inventory ?? {};
    const nvidia = nvidiaDriver(host, facts) !== "" || devices.some((device) => device.vendor === "nvidia");
    if (!nvidia || engine === undefined || engine.error !== "" || engine.runtimes.includes("nvidia")) return undefined;
    return {
      message: "it has an NVIDIA driver, and Docker knows no runtime called nvidia: containers get no GPU",
      fix: "apt-get install nvidia-container-toolkit; nvidia-ctk runtime configure --runtime=docker; systemctl restart docker",
    };
  }),
  everyHost("gpu-driver", (host, facts) => {
    const version = nvidiaDriver(host, facts);
    if (!isOlder(version, oldestDriver)) return undefined;
    return {
      message: `its NVIDIA driver is ${version}; images made for CUDA 12 need ${oldestDriver} or newer`,
      fix: "Install a newer driver:  apt-get install nvidia-driver, then restart the machine.",
    };
  }),
  everyHost("gpu-health", ({ inventory }) => {
    const bad = inventory?.devices.filter((device) => device.problem !== "") ?? [];
    if (bad.length === 0) return undefined;
    return {
      message: bad.map((device) => `GPU ${device.index} (${device.model}): ${device.problem}`).join("; "),
      fix: "dmesg | grep -iE 'nvrm|amdgpu' on that host tells more.",
    };
  }),
];
