// The ground other fault tests stand on: several hosts on this machine, their cables, and that nothing of them is left.
import { expect, test } from "vitest";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { containerPlan } from "../support/container-plan.ts";
import { netnsHosts, type NetnsHost } from "../support/netns-hosts.ts";
import { mustRun, runCommand } from "../support/run-command.ts";

test("two hosts reach each other until a cable is pulled, run containers apart, and leave nothing", async () => {
  const before = await traces();
  const net = await netnsHosts({ count: 2 });
  try {
    const [one, two] = net.hosts as [NetnsHost, NetnsHost];
    const reaches = async (from: NetnsHost, address: string) =>
      (await runCommand(from.enter(["busybox", "ping", "-c", "1", "-W", "1", address]))).code === 0;
    expect(await reaches(one, two.address)).toBe(true);
    expect(await reaches(one, net.bridgeAddress)).toBe(true);
    await one.cut();
    expect(await reaches(one, two.address)).toBe(false);
    expect(await reaches(one, net.bridgeAddress)).toBe(false);
    expect(await reaches(two, net.bridgeAddress)).toBe(true);
    await one.heal();
    expect(await reaches(one, two.address)).toBe(true);

    const ports = net.hosts.map((host) =>
      createDockerEngine({
        clusterId: "hoststest",
        socketPath: host.engine.socketPath,
        log: quietLog,
        clock: systemClock,
      }),
    );
    for (const [n, port] of ports.entries()) {
      await port.ensureNetwork("default");
      await port.start(await port.create(containerPlan({ clusterId: "hoststest", replicaId: `r${n}aaaaaa` })));
      expect(await port.images()).toEqual([busyboxImage]);
    }
    for (const port of ports) expect((await port.list()).map((container) => container.phase)).toEqual(["running"]);
  } finally {
    await net.dispose();
  }
  expect(await traces()).toEqual(before);
});

/** What a run could leave behind on the machine. */
async function traces(): Promise<string[]> {
  const [links, namespaces, rules, mounts] = await Promise.all([
    mustRun(["sh", "-c", "ip -o link | grep -o 'oz[bv][0-9a-f]*' || true"]),
    mustRun(["sh", "-c", "ip netns | grep ozh || true"]),
    mustRun(["sh", "-c", "iptables -w 5 -S DOCKER-USER | grep ozb || true"]),
    mustRun(["sh", "-c", "grep ozwald-engine /proc/mounts || true"]),
  ]);
  return [links, namespaces, rules, mounts];
}
