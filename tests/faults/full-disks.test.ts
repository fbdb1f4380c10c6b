// A full disk under the state of the control plane, then of the agent: it is said, nothing is lost or half done, and it heals by itself.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { busyboxSettings, stays } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import type { SeenContainer } from "../support/cluster-containers.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("FULL DISK TESTS DO NOT RUN: mounting a small file system needs root.");

/** A file system of a few MiB that can be filled and emptied. */
class SmallDisk {
  readonly path: string;
  readonly #filler: string;
  constructor(path: string, size: string) {
    mkdirSync(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "ozwald-test", path], { timeout: 10_000 });
    this.path = path;
    this.#filler = join(path, "filler");
  }
  fill(): void {
    rmSync(this.#filler, { recursive: true, force: true });
    mkdirSync(this.#filler);
    for (const size of [1_048_576, 65_536, 4096]) {
      try {
        for (let i = 0; ; i++) writeFileSync(join(this.#filler, `${size}-${i}`), Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
  }
  empty(): void {
    rmSync(this.#filler, { recursive: true, force: true });
  }
  unmount(): void {
    execFileSync("umount", ["-l", this.path], { timeout: 10_000 });
  }
}

describe.skipIf(!isRoot)("a full disk", () => {
  let folder: string;
  let controlDisk: SmallDisk;
  let agentDisk: SmallDisk;
  let cluster: Cluster;
  let agent: ClusterAgent;
  let before: SeenContainer;
  const web = { name: "web" };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ozwald-disks-"));
    controlDisk = new SmallDisk(join(folder, "control"), "12m");
    agentDisk = new SmallDisk(join(folder, "agent"), "4m");
    cluster = await startCluster({ stateDir: join(controlDisk.path, "state") });
    agent = await cluster.addHost({ stateDir: join(agentDisk.path, "state") });
    await cluster.mustApply(busyboxSettings(web));
    before = await cluster.container("web");
  });

  afterAll(async () => {
    await cluster?.dispose();
    controlDisk?.unmount();
    agentDisk?.unmount();
    await rm(folder, { recursive: true, force: true });
  });

  test("of the control plane: writing is refused with what to do, reading and running go on, and then it works again", async () => {
    controlDisk.fill();
    const { revision } = await cluster.instances();
    // Something large, so that it does not fit into what the log of the database has left.
    const more = { environment: { LARGE: "x".repeat(100_000) } };
    const change = busyboxSettings(web, { name: "new", more });
    let refused = await cluster.apply(change);
    for (let i = 0; i < 20 && refused.code === 0; i++)
      refused = await cluster.apply(busyboxSettings(web, { name: `new-${i}`, more }));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/full/);
    expect(refused.stderr).toMatch(/space/);
    expect((await cluster.instances()).revision).toBeGreaterThanOrEqual(revision);
    expect((await cluster.ozctl("ps")).stdout).toMatch(/web .*alpha .*ready/);
    expect((await cluster.host("alpha"))?.state).toBe(HostState.ONLINE);
    expect(await cluster.container("web")).toEqual(before);
    const pid = cluster.control.pid;
    controlDisk.empty();
    await cluster.mustApply(change);
    await cluster.untilReady("new");
    expect(cluster.control.pid).toBe(pid);
    expect(await cluster.container("web")).toEqual(before);
    await cluster.mustApply(busyboxSettings(web));
  });

  test("of the agent: what it cannot keep it does not take; what runs goes on, and the change arrives when there is space", async () => {
    agentDisk.fill();
    const change = busyboxSettings(web, { name: "new", script: stays("echo new") });
    const begun = await cluster.apply(change, "--detach", "-o", "json");
    expect(begun.code, begun.stderr).toBe(0);
    const { operation } = JSON.parse(begun.stdout) as { operation: string };
    await cluster.waitFor("the host says that its disk is full", async () =>
      /full|space/.test((await cluster.host("alpha"))?.problem ?? ""),
    );
    expect((await cluster.ozctl("hosts")).stdout).toMatch(/alpha: .*(full|space)/);
    expect(await cluster.container("web")).toEqual(before);
    expect((await cluster.containers()).map(({ instance }) => instance)).toEqual(["web"]);
    const pid = agent.pid;
    agentDisk.empty();
    await cluster.untilReady("new", 60_000);
    expect((await cluster.ozctl("ops", "watch", operation)).code).toBe(0);
    await cluster.waitFor("the problem is gone", async () => (await cluster.host("alpha"))?.problem === "");
    expect(agent.pid).toBe(pid);
    expect(await cluster.container("web")).toEqual(before);
  });

  test("of the agent, when a container dies: it is started again all the same", async () => {
    agentDisk.fill();
    try {
      await agent.docker("kill", before.id);
      await cluster.waitFor("it runs again", async () => (await cluster.container("web")).id !== before.id, 30_000);
    } finally {
      agentDisk.empty();
    }
    await cluster.untilReady("web");
  });
});
