// Agent and control plane over real TLS sockets: who is let in, what is cut, what is noticed.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AssignmentSchema } from "#proto/agent_pb.ts";
import { OzError } from "#core/errors.ts";
import {
  type LinkCluster,
  type LinkClusterOptions,
  openLinkCluster,
  startAgent,
  type TestAgent,
} from "./support/link-cluster.ts";
import { openTcpProxy } from "./support/tcp-proxy.ts";
import { waitUntil } from "./support/wait-until.ts";

let stack: AsyncDisposableStack;
beforeEach(() => (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

async function open(options?: LinkClusterOptions): Promise<LinkCluster> {
  return stack.use(await openLinkCluster(options));
}

function start(...args: Parameters<typeof startAgent>): TestAgent {
  const agent = startAgent(...args);
  stack.use(agent.link);
  return agent;
}

const soon = <T>(what: string, ask: () => T | undefined | false) => waitUntil(what, ask, 5_000, 5);
const ready = (agent: TestAgent) => soon("the agent is welcomed", () => agent.link.state().state === "ready");
const stateOf = (cluster: LinkCluster, hostId = "h1") => cluster.hub.host(hostId)?.state;
const assignment = (revision: number) =>
  create(AssignmentSchema, { revision: BigInt(revision), clusterEpoch: 1n, incarnation: "i1" });

describe("the link", () => {
  test("carries assignments down and reports up, and says everything again after a break", async () => {
    const cluster = await open();
    const agent = start(cluster, await cluster.identity("h1"));
    cluster.hub.assign("h1", assignment(7));
    agent.change(["r1"]);
    await soon("the report arrived", () => cluster.hub.host("h1")?.observed.has("r1"));
    await soon("the assignment was acknowledged", () => cluster.hub.host("h1")?.acknowledgedRevision === 7);
    expect(cluster.hub.host("h1")).toMatchObject({
      state: "online",
      address: "127.0.0.1",
      agentVersion: "test",
      obeys: true,
    });
    cluster.port.cut("h1");
    agent.change(["r2"], ["r1"]);
    await soon(
      "the agent came back",
      () => cluster.hub.host("h1")?.observed.has("r2") && !cluster.hub.host("h1")?.observed.has("r1"),
    );
    await soon("the set was sent again", () => agent.assignments.length === 2);
    expect(agent.assignments.map((one) => Number(one.revision))).toEqual([7, 7]);
  });

  test("stays up in silence by heartbeats of both sides", async () => {
    const cluster = await open();
    const agent = start(cluster, await cluster.identity("h1"));
    await ready(agent);
    const { since } = agent.link.state();
    await waitUntil("more than offlineMs passed", () => Date.now() - since > 2_000, 5_000);
    expect([stateOf(cluster), agent.link.state().since, agent.reasons]).toEqual(["online", since, []]);
  });

  test("a watcher speeds up telemetry on the live stream", async () => {
    const cluster = await open();
    const periods: number[] = [];
    const agent = start(cluster, await cluster.identity("h1"), {
      onWelcome: (welcome) => void periods.push(Number(welcome.telemetryMs)),
    });
    await ready(agent);
    cluster.hub.setWatched(true);
    await soon("the renewed welcome came", () => periods.length === 2);
    expect(periods).toEqual([15_000, 2_000]);
    expect(agent.link.state()).toMatchObject({ state: "ready", welcome: { telemetryMs: 2_000n } });
  });
});

describe("identity", () => {
  test("a host id other than the certificate's is refused", async () => {
    const cluster = await open();
    const agent = start(cluster, { ...(await cluster.identity("h1")), hostId: "h2" });
    await soon("it was refused", () => agent.reasons[0]);
    expect(agent.reasons[0]).toContain("the certificate is of host h1, the agent says it is h2");
    expect(cluster.hub.hosts()).toEqual([]);
  });

  test("the certificate of another cluster, or none for an agent, is a stranger", async () => {
    const [cluster, other] = [await open(), await open()];
    const foreign = { ...(await other.identity("h1")), caPem: cluster.authority.caPem };
    const agent = start(cluster, foreign);
    await soon("it was refused", () => agent.reasons[0]);
    expect(agent.reasons[0]).toContain("does not know this host any more");
    const { serverKeyPem: keyPem, serverCertChainPem: certPem, caPem } = cluster.authority;
    const server = start(cluster, { hostId: "h1", keyPem, certPem, caPem });
    await soon("it was refused", () => server.reasons[0]);
    expect(cluster.hub.hosts()).toEqual([]);
  });

  test("revoking cuts the live stream within a second, and the certificate is of no use after that", async () => {
    const cluster = await open();
    const agent = start(cluster, await cluster.identity("h1"));
    await ready(agent);
    cluster.revoked.add("h1");
    const began = performance.now();
    cluster.hub.forget("h1");
    cluster.port.cut("h1");
    await soon("the stream is cut", () => agent.reasons.length > 0);
    expect(performance.now() - began).toBeLessThan(1_000);
    const again = start(cluster, await cluster.identity("h1"));
    await soon("it was refused", () => again.reasons[0]);
    expect(again.reasons[0]).toContain("revoked");
    expect(cluster.hub.host("h1")).toBeUndefined();
  });

  test("the newer stream of one machine supersedes the older", async () => {
    const cluster = await open();
    const identity = await cluster.identity("h1");
    const first = start(cluster, identity, { nonce: "n1" });
    await ready(first);
    const second = start(cluster, identity, { nonce: "n2" });
    await ready(second);
    await soon("the first was told", () => first.closed[0]);
    expect([first.closed, second.closed, stateOf(cluster)]).toEqual([["superseded"], [], "online"]);
  });

  test("a copy of a machine makes both quarantined and neither obeyed; the one that is left comes back", async () => {
    const cluster = await open();
    const identity = await cluster.identity("h1");
    const original = start(cluster, identity, { boot: "boot-a", random: () => 0 });
    await ready(original);
    const copy = start(cluster, identity, { boot: "boot-b", nonce: "n2" });
    await soon("the clone was noticed", () => stateOf(cluster) === "quarantined");
    await soon("both were told", () => original.closed[0] === "quarantined" && copy.closed[0] === "quarantined");
    cluster.hub.assign("h1", assignment(1));
    expect(cluster.hub.host("h1")?.problem).toContain("2 machines use the identity of this host");
    expect([original.assignments, copy.assignments]).toEqual([[], []]);
    await copy.link[Symbol.asyncDispose]();
    await waitUntil("the original is welcomed again", () => original.link.state().state === "ready", 15_000);
    await soon("it is obeyed again", () => original.assignments.length === 1);
    expect(cluster.hub.host("h1")).toMatchObject({ state: "online", obeys: true, problem: "" });
  }, 30_000);

  test("a Welcome that is not accepted does not reset the wait", async () => {
    const cluster = await open();
    const failures: number[] = [];
    start(cluster, await cluster.identity("h1"), {
      random: () => 0,
      onWelcome: () => {
        throw new OzError("fenced", "obeys another history");
      },
      onState: (state) => void (state.state === "backoff" && failures.push(state.failures)),
    });
    await soon("it failed five times", () => failures.length >= 5);
    expect(failures.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("a network that goes deaf", () => {
  const keepalive = { timeMs: 150, timeoutMs: 150 };

  test("is noticed by the pings of both sides, long before anything times out by itself", async () => {
    // Heartbeats are so slow that only pings can notice.
    const slow = { heartbeatMs: 60_000, suspectMs: 180_000, offlineMs: 540_000, graceMs: 0 };
    const ended: string[] = [];
    const cluster = await open({ hub: { timings: slow }, link: { keepalive } });
    const { intake } = cluster.hub;
    const proxy = stack.use(await openTcpProxy(cluster.port.port));
    const agent = start({ address: `https://127.0.0.1:${proxy.port}` }, await cluster.identity("h1"), { keepalive });
    await ready(agent);
    const original = intake.ended.bind(intake);
    intake.ended = (session) => {
      ended.push(session.hostId);
      original(session);
    };
    proxy.deaf = true;
    await soon("the agent notices", () => agent.reasons.length > 0);
    await soon("the control plane notices", () => ended.includes("h1"));
    proxy.deaf = false;
    await ready(agent);
    expect(stateOf(cluster)).toBe("online");
  });

  test("is noticed by silence when pings are answered and the program is not", async () => {
    const cluster = await open();
    const agent = start(cluster, await cluster.identity("h1"));
    await ready(agent);
    const { intake } = cluster.hub;
    const receive = intake.receive.bind(intake);
    intake.receive = () => {};
    await soon("the agent notices", () => agent.reasons[0]?.startsWith("the control plane said nothing for 600 ms"));
    await soon("the control plane calls it suspect", () => stateOf(cluster) === "suspect");
    intake.receive = receive;
    await ready(agent);
    await soon("it is online", () => stateOf(cluster) === "online");
  });
});

/** After a collection, so that only what is kept counts. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

test("500 quick reconnects leave nothing behind", async () => {
  const cluster = await open();
  const agent = start(cluster, await cluster.identity("h1"), { random: () => 0 });
  await ready(agent);
  let welcomed = 0;
  cluster.hub.onChange((_hostId, what) => void (what === "state" && (welcomed += 1)));
  const round = async (times: number) => {
    const until = welcomed + times;
    while (welcomed < until) {
      const before = welcomed;
      cluster.port.cut("h1");
      await waitUntil("it is back", () => welcomed > before, 5_000, 1);
    }
  };
  await round(50);
  const [resources, heap] = [process.getActiveResourcesInfo(), heapUsed()];
  await round(450);
  await ready(agent);
  const grown = heapUsed() - heap;
  const after = process.getActiveResourcesInfo();
  for (const name of ["Timeout", "TLSWrap", "TCPSocketWrap", "HTTP2SESSION"]) {
    const more = after.filter((one) => one === name).length - resources.filter((one) => one === name).length;
    expect(more, name).toBeLessThan(10);
  }
  // A connection that is kept costs above 50 KiB.
  expect(grown).toBeLessThan(450 * 10 * 1024);
}, 60_000);
