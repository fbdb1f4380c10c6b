// Two machines: the second joins by the printed line as it is, runs what is bound to it, is cut off, and comes back as if nothing had been.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { testedProgram } from "../support/built-programs.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { type NetnsHost, type NetnsHosts, netnsHosts } from "../support/netns-hosts.ts";
import { report } from "../support/report-time.ts";
import { runCommand } from "../support/run-command.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF TWO HOSTS DOES NOT RUN: network name spaces need root.");

const everywhere = [
  { name: "here", host: "alpha" },
  { name: "there", host: "beta" },
  { name: "brief", host: "beta" },
];

describe.skipIf(!isRoot)("a second host", () => {
  let machines: NetnsHosts;
  let cluster: Cluster;
  let [alpha, beta]: NetnsHost[] = [];
  let second: ClusterAgent;
  let startedAt: number;

  beforeAll(async () => {
    machines = await netnsHosts({ count: 2 });
    [alpha, beta] = machines.hosts;
    cluster = await startCluster({ address: machines.bridgeAddress });
    startedAt = Date.now();
    await cluster.addHost({ name: "alpha", ...place(alpha) });
  });

  afterAll(async () => {
    await cluster?.dispose();
    await machines?.dispose();
  });

  function place(host: NetnsHost | undefined): Pick<NetnsHost, "engine" | "enter"> {
    if (host === undefined) throw new Error("there is no such machine");
    return { engine: host.engine, enter: host.enter };
  }

  async function livesOn(host: NetnsHost | undefined): Promise<string[]> {
    const all = await cluster.containers(place(host).engine.docker);
    return all
      .filter(({ running }) => running)
      .map(({ instance, pid, startedAt }) => `${instance} ${pid} ${startedAt}`)
      .toSorted();
  }

  const namesOn = async (host: NetnsHost | undefined) => (await livesOn(host)).map((life) => life.split(" ")[0]);

  /** A folder for PATH in which ozwald-agent is what is tested. */
  async function programFolder(): Promise<string> {
    const folder = join(cluster.folder, "bin");
    await mkdir(folder);
    const words = testedProgram("ozwald-agent").map((word) => `'${word}'`);
    await writeFile(join(folder, "ozwald-agent"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
    await chmod(join(folder, "ozwald-agent"), 0o755);
    return folder;
  }

  test("joins by the printed line, once", async () => {
    const invited = await cluster.ozctl("host", "invite", "--name", "beta");
    expect(invited.code, invited.stderr).toBe(0);
    const line = /^ {2}(ozwald-agent join .*)$/m.exec(invited.stdout)?.[1] ?? "";
    second = cluster.agentProgram({ name: "beta", ...place(beta) });
    const onBeta = async (stateDir: string) =>
      runCommand(place(beta).enter(["sh", "-c", line]), {
        env: { PATH: `${await folder}:${process.env["PATH"]}`, OZWALD_AGENT_STATE: stateDir },
      });
    const folder = programFolder();
    const joined = await onBeta(second.stateDir);
    expect(joined.stdout + joined.stderr).toContain(`joined https://${machines.bridgeAddress}:${cluster.port} as beta`);
    expect(joined.code).toBe(0);
    const again = await onBeta(join(cluster.folder, "another"));
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/token.*(used|once)[^]*ozctl host invite/);
    await second.start();
    await cluster.untilHost("beta", HostState.ONLINE);
  });

  test("runs what is bound to it", async () => {
    await cluster.mustApply(busyboxSettings(...everywhere));
    expect(await namesOn(alpha)).toEqual(["here"]);
    expect(await namesOn(beta)).toEqual(["brief", "there"]);
  });

  test("cut off: said to be silent, then offline; what runs goes on, and wishes wait", async () => {
    const before = await livesOn(beta);
    // For a minute after its start a control plane calls nobody silent; who is silent 45 s when it ends is offline at once.
    await new Promise((resolve) => setTimeout(resolve, startedAt + 22_000 - Date.now()));
    await beta?.cut();
    await cluster.untilHost("beta", HostState.SUSPECT, 60_000);
    expect((await cluster.ozctl("hosts")).stdout).toMatch(/beta +silent/);
    await cluster.untilHost("beta", HostState.OFFLINE, 60_000);
    const hosts = await cluster.ozctl("hosts");
    expect(hosts.stdout).toMatch(/beta +offline/);
    expect(hosts.stdout).toMatch(/beta: not heard for .*; 2 replicas ran when last seen/);
    expect((await cluster.host("alpha"))?.state).toBe(HostState.ONLINE);
    expect(await livesOn(beta)).toEqual(before);

    const stays = everywhere.filter(({ name }) => name !== "brief");
    const changed = await cluster.apply(busyboxSettings(...stays, { name: "late", host: "beta" }), "--detach");
    expect(changed.stdout).toMatch(/- brief +stop +beta/);
    expect(changed.stdout).toMatch(/late .*beta/);
    expect(changed.code, changed.stderr).toBe(0);
    expect(await namesOn(alpha)).toEqual(["here"]);
    expect(await livesOn(beta)).toEqual(before);
  });

  test("back again: nothing restarted, nothing twice, and the change arrives", async () => {
    const before = await livesOn(beta);
    const pid = second.pid;
    const began = Date.now();
    await beta?.heal();
    await cluster.untilHost("beta", HostState.ONLINE, 30_000);
    report("cable plugged in to online", Date.now() - began);
    await cluster.untilReady("late", 30_000);
    await cluster.waitFor("what is not wanted is gone", async () => (await namesOn(beta)).join() === "late,there");
    report("cable plugged in to what was changed meanwhile", Date.now() - began);
    expect(await livesOn(beta)).toEqual(expect.arrayContaining(before.filter((life) => life.startsWith("there "))));
    expect(await namesOn(alpha)).toEqual(["here"]);
    expect((await cluster.replica("there"))?.observed).toMatchObject({ attempt: 1, starts: 1 });
    expect(second.pid).toBe(pid);
  });
});
