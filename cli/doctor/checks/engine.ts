// The container engine of each host.
import { type Check, everyHost, isOlder } from "../check.ts";
import { hostHere } from "../facts.ts";

/** The oldest one the tests run against. */
const oldestEngine = "20.10";

export const engineChecks: readonly Check[] = [
  everyHost("engine-answers", ({ name, inventory }) => {
    const error = inventory?.engine?.error ?? "";
    if (error === "") return undefined;
    return { message: error, fix: `On ${name}:  systemctl status docker, and: docker info` };
  }),
  everyHost("engine-version", ({ inventory }) => {
    const version = inventory?.engine?.version ?? "";
    if (!isOlder(version, oldestEngine)) return undefined;
    return {
      message: `its container engine is ${version}; nothing before ${oldestEngine} was ever tried`,
      fix: "Install a newer one: https://docs.docker.com/engine/install/",
    };
  }),
  everyHost("cgroup-driver", (host, facts) => {
    const driver = host.inventory?.engine?.cgroupDriver ?? "";
    const gpus = host.inventory?.devices.some((device) => device.vendor === "nvidia") ?? false;
    if (driver === "systemd" && gpus) {
      return {
        message: "containers lose their NVIDIA GPUs at a `systemctl daemon-reload` with the cgroup driver systemd",
        fix: '{ "exec-opts": ["native.cgroupdriver=cgroupfs"] } in /etc/docker/daemon.json, then restart Docker while nothing runs.',
        notice: true,
      };
    }
    if (driver !== "cgroupfs" || !facts.here.systemd || hostHere(facts) !== host || gpus) return undefined;
    return {
      message: "systemd and Docker both manage cgroups here (cgroup driver cgroupfs): limits may be counted twice",
      fix: '{ "exec-opts": ["native.cgroupdriver=systemd"] } in /etc/docker/daemon.json, then restart Docker while nothing runs.',
      notice: true,
    };
  }),
  everyHost("live-restore", ({ inventory }) => {
    const { engine } = inventory ?? {};
    if (engine === undefined || engine.error !== "" || engine.liveRestore) return undefined;
    return {
      message: "a restart of Docker stops every container: live-restore is off",
      fix: '{ "live-restore": true } in /etc/docker/daemon.json, then systemctl reload docker.',
      notice: true,
    };
  }),
];
