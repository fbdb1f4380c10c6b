// The container engine is killed, restarted and frozen under a running agent: what is wanted returns by itself, and the agent goes on.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { type PrivateEngine, privateEngine } from "../support/private-engine.ts";
import { report } from "../support/report-time.ts";

/** All end with exit code 0 when they are asked to, as the engine does before it goes: by their policy that may look like their own end. */
const policies = { one: "always", two: "on-failure", three: "never" };
const names = Object.keys(policies);
const backAgainMs = 20_000;

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("ENGINE RESTART TESTS DO NOT RUN: an engine of their own needs root.");

describe.skipIf(!isRoot).each([
  { liveRestore: true, heldSocket: false, named: "with live-restore" },
  { liveRestore: false, heldSocket: false, named: "without live-restore" },
  // No call is turned down while it is away: they wait.
  { liveRestore: false, heldSocket: true, named: "behind a socket that systemd holds" },
])("an engine $named", ({ liveRestore, heldSocket, named }) => {
  let engine: PrivateEngine;
  let cluster: Cluster;
  let agent: ClusterAgent;

  beforeAll(async () => {
    engine = await privateEngine({ liveRestore, heldSocket });
    cluster = await startCluster();
    agent = await cluster.addHost({ engine });
    await cluster.mustApply(
      busyboxSettings(...Object.entries(policies).map(([name, restart]) => ({ name, more: { restart } }))),
    );
  });

  afterAll(async () => {
    await cluster?.dispose();
    await engine?.dispose();
  });

  async function running(): Promise<string[]> {
    const found = await Promise.all(names.map((name) => cluster.container(name, engine.docker)));
    return found.map(({ instance, pid, startedAt }) => `${instance} ${pid} ${startedAt}`);
  }

  /** Every instance is reported ready in the container that the engine has, once. */
  function wantedAgain(): Promise<unknown> {
    return cluster.waitFor(
      "what is wanted runs again",
      async () => {
        const seen = await Promise.all(names.map((name) => cluster.replica(name)));
        if (seen.some((replica) => replica?.state !== ReplicaState.READY)) return false;
        const containers = await Promise.all(names.map((name) => cluster.container(name, engine.docker)));
        return containers.every(({ pid }, i) => pid === seen[i]?.observed?.pid);
      },
      backAgainMs,
      100,
    );
  }

  async function problem(): Promise<string> {
    const host = await cluster.host("alpha");
    return host?.problem || (host?.inventory?.engine?.error ?? "");
  }

  function well(timeoutMs = 15_000): Promise<unknown> {
    return cluster.waitFor("the host has no problem any more", async () => (await problem()) === "", timeoutMs);
  }

  test("kill -9 of the engine: seen, said, and all as it was wanted soon after it is back", async () => {
    const [before, agentPid] = [await running(), agent.pid];
    await engine.kill9();
    await cluster.waitFor("the host says that its engine is away", async () => (await problem()) !== "", 15_000);
    expect((await cluster.host("alpha"))?.state).toBe(HostState.ONLINE);
    expect((await cluster.ozctl("hosts")).stdout).toMatch(/alpha: .*(engine|Docker)/);
    await engine.start();
    const began = Date.now();
    await wantedAgain();
    report(`engine (${named}) killed and back to all as wanted`, Date.now() - began);
    const after = await running();
    if (liveRestore) expect(after).toEqual(before);
    else expect(after).toHaveLength(names.length);
    expect(agent.pid).toBe(agentPid);
    await well();
  });

  test("a polite restart of the engine: the same", async () => {
    const [before, agentPid] = [await running(), agent.pid];
    await engine.restart();
    const began = Date.now();
    await wantedAgain();
    report(`engine (${named}) restarted to all as wanted`, Date.now() - began);
    if (liveRestore) expect(await running()).toEqual(before);
    expect(agent.pid).toBe(agentPid);
    await well();
  });

  test("the agent starts while the engine is away", async () => {
    const before = await running();
    await engine.kill9();
    await agent.kill9();
    await agent.start();
    await cluster.waitFor("the agent is back without an engine", () => agent.present().includes('"msg":"link ready"'));
    await engine.start();
    const began = Date.now();
    await wantedAgain();
    report(`engine (${named}) back under a new agent to all as wanted`, Date.now() - began);
    if (liveRestore) expect(await running()).toEqual(before);
    await well();
  });

  test.runIf(liveRestore)("a frozen engine: heartbeats go on, the host says so, nothing is lost", async () => {
    const [before, agentPid] = [await running(), agent.pid];
    engine.freeze();
    const frozenAt = Date.now();
    try {
      const seen = await cluster.waitFor("the host says so", async () => (await problem()) !== "" && problem(), 30_000);
      report("engine frozen to the host saying so", Date.now() - frozenAt);
      expect(seen).toMatch(/engine|Docker/);
      while (Date.now() - frozenAt < 30_000) {
        expect((await cluster.host("alpha"))?.state).toBe(HostState.ONLINE);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    } finally {
      engine.thaw();
    }
    const began = Date.now();
    await well(30_000);
    report("engine thawed to the host being well", Date.now() - began);
    await wantedAgain();
    expect(await running()).toEqual(before);
    expect(agent.pid).toBe(agentPid);
  });
});
