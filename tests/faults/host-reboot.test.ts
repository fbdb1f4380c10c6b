// The whole machine loses its power and comes back: the boot id is another one, every container ended, /run is empty.
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { type PrivateEngine, privateEngine } from "../support/private-engine.ts";
import { report } from "../support/report-time.ts";

const names = ["one", "two", "three"];

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("HOST REBOOT TESTS DO NOT RUN: an engine of their own needs root.");

describe.skipIf(!isRoot)("a host that loses its power", () => {
  let engine: PrivateEngine;
  let cluster: Cluster;
  let agent: ClusterAgent;
  let bootIdFile: string;
  let attempts = 1;

  const boot = () => writeFile(bootIdFile, `${randomUUID()}\n`);

  beforeAll(async () => {
    engine = await privateEngine();
    cluster = await startCluster();
    bootIdFile = join(cluster.folder, "boot-id");
    await boot();
    // The agent reads the kernel's file; in its own mount name space another one lies over it.
    const lay = `mount --bind ${bootIdFile} /proc/sys/kernel/random/boot_id && exec "$@"`;
    agent = await cluster.addHost({ engine, enter: (argv) => ["unshare", "--mount", "sh", "-c", lay, "sh", ...argv] });
    await cluster.mustApply(busyboxSettings(...names.map((name) => ({ name }))));
  });

  afterAll(async () => {
    await cluster?.dispose();
    await engine?.dispose();
  });

  async function allReady(): Promise<boolean> {
    const seen = await Promise.all(names.map((name) => cluster.replica(name)));
    if (seen.some((replica) => replica?.state !== ReplicaState.READY)) return false;
    const containers = await Promise.all(names.map((name) => cluster.container(name, engine.docker).catch(() => null)));
    return containers.every((one, i) => one !== null && one.pid === seen[i]?.observed?.pid);
  }

  async function powerFails(): Promise<void> {
    await Promise.all([agent.kill9(), engine.powerCut()]);
    expect((await cluster.instances()).instances).toHaveLength(names.length);
    await boot();
  }

  async function comesBack(began: number, order: string): Promise<void> {
    await cluster.waitFor("what is wanted runs again", allReady, 60_000, 100);
    report(`power back to all as wanted (${order})`, Date.now() - began);
    const running = (await cluster.containers(engine.docker)).filter(({ running: runs }) => runs);
    expect(running.map(({ instance }) => instance).toSorted()).toEqual(names.toSorted());
    // One new container for each that ended with the host, and no more.
    attempts += 1;
    for (const name of names) expect((await cluster.replica(name))?.observed?.attempt).toBe(attempts);
  }

  test("the agent starts before the engine", async () => {
    await powerFails();
    const began = Date.now();
    await agent.start();
    await cluster.waitFor("the agent is back without an engine", () => agent.present().includes('"msg":"link ready"'));
    await engine.start();
    await comesBack(began, "agent first");
  });

  test("the engine starts before the agent", async () => {
    await powerFails();
    const began = Date.now();
    await engine.start();
    await agent.start();
    await comesBack(began, "engine first");
  });

  test("the control plane was on the same machine, and starts last", async () => {
    await cluster.control.kill9();
    await Promise.all([agent.kill9(), engine.powerCut()]);
    await boot();
    const began = Date.now();
    await engine.start();
    await agent.start();
    // The agent obeys what it accepted last, on disk, without anybody to ask.
    await cluster.waitFor(
      "what is wanted runs without a control plane",
      async () => (await cluster.containers(engine.docker)).filter(({ running }) => running).length === names.length,
      60_000,
      100,
    );
    await cluster.control.start();
    await comesBack(began, "control plane last");
  });
});
