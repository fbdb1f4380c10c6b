// A host is told of a better address of its control plane: it moves there and keeps it, or stays and says why.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { HelloSchema } from "#proto/agent_pb.ts";
import { type ControlMove, startControlMove } from "../agent/link/control-move.ts";
import { type HostIdentity, loadIdentity, saveIdentity } from "../agent/link/identity-files.ts";
import { type AgentLink, startLink } from "../agent/link/session.ts";
import { type LinkCluster, openLinkCluster } from "./support/link-cluster.ts";
import { openTcpProxy } from "./support/tcp-proxy.ts";
import { waitUntil } from "./support/wait-until.ts";

let stack: AsyncDisposableStack;
let dir = "";
beforeEach(() => {
  stack = new AsyncDisposableStack();
  dir = mkdtempSync(join(tmpdir(), "ozwald-move-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
});
afterEach(() => stack.disposeAsync());

/** A control plane that tells these addresses; only the first is a present one. */
async function open(): Promise<LinkCluster & { told: string[] }> {
  const told: string[] = [];
  const addresses = { told: () => told, isPresent: (address: string) => address === told[0] };
  const cluster = await openLinkCluster({ hub: { addresses }, tls: { host: "0.0.0.0" } });
  stack.use(cluster);
  return Object.assign(cluster, { told });
}

type Agent = { link: AgentLink; move: ControlMove; changes: string[] };

/** An agent that joined at the cluster's own address, or goes on with what it kept. */
async function agentOf(cluster: LinkCluster, joinedAt = cluster.address): Promise<Agent & AsyncDisposable> {
  let identity = await loadIdentity(dir);
  if (identity === undefined) {
    const { authority } = cluster;
    const name = { name: "h1", clusterId: authority.clusterId, address: joinedAt, addresses: [] };
    identity = { ...(await cluster.identity("h1")), ...name } satisfies HostIdentity;
    await saveIdentity(dir, identity);
  }
  const ref: { link?: AgentLink } = {};
  const mine = identity;
  const move = startControlMove({
    ...{ identity: mine, stateDir: dir, clock: systemClock, log: quietLog, tryAgainMs: 200, isOwn: () => false },
    link: () => ref.link,
  });
  const changes: string[] = [];
  const link = startLink({
    ...{ identity: mine, clock: systemClock, random: Math.random, log: quietLog, addresses: () => move.order() },
    hello: async () => create(HelloSchema, { hostId: "h1", bootId: "b", processNonce: "n" }),
    onWelcome: (welcome, dialed) => move.welcomed(dialed, welcome.addresses),
    onAssignment: () => Promise.reject(new Error("nothing is assigned here")),
    onOpenChannel: async () => {},
    onState({ state }) {
      if (state === "ready") move.look();
      changes.push(`${state} ${ref.link?.dialed() ?? ""}`);
    },
  });
  ref.link = link;
  const owned = new AsyncDisposableStack();
  owned.use(move);
  owned.use(link);
  stack.use(owned);
  return { link, move, changes, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const kept = () =>
  JSON.parse(readFileSync(join(dir, "identity.json"), "utf8")) as { address: string; addresses?: string[] };
const dials = (cluster: LinkCluster, address: string) =>
  waitUntil(`it dials ${address}`, () => cluster.hub.host("h1")?.dialedAddress === address, 15_000);
const says = (cluster: LinkCluster, words: RegExp) =>
  waitUntil("it says why", () => words.exec(cluster.hub.host("h1")?.addressProblem ?? "") ?? undefined, 15_000);

/** Sets what is told and tells it. */
function tell(cluster: LinkCluster & { told: string[] }, ...addresses: string[]): void {
  cluster.told.splice(0, cluster.told.length, ...addresses);
  cluster.hub.tellAddresses();
}

describe("a better address", () => {
  test("is dialled, kept, and dialled first from then on; the old one is what it falls back to", async () => {
    const cluster = await open();
    const better = `https://localhost:${cluster.port.port}`;
    const agent = await agentOf(cluster);
    await dials(cluster, cluster.address);
    tell(cluster, better, cluster.address);
    await dials(cluster, better);
    await waitUntil("it is kept", () => kept().address === better);
    expect(kept().addresses).toEqual([better, cluster.address]);
    expect(agent.move.order()).toEqual([better, cluster.address]);
    expect((await loadIdentity(dir))?.address).toBe(better);
    await agent[Symbol.asyncDispose]();
    const again = await agentOf(cluster);
    await waitUntil("it is back", () => again.link.state().state === "ready", 15_000);
    expect(again.changes.at(-1)).toBe(`ready ${better}`);
    expect(again.changes).toHaveLength(2);
  });

  test("that goes away: the host is back at the old one, says so, and keeps the better one", async () => {
    const cluster = await open();
    const proxy = await openTcpProxy(cluster.port.port);
    const better = `https://127.0.0.1:${proxy.port}`;
    await agentOf(cluster);
    await dials(cluster, cluster.address);
    tell(cluster, better, cluster.address);
    await dials(cluster, better);
    await waitUntil("it is kept", () => kept().address === better);
    await proxy[Symbol.asyncDispose]();
    await dials(cluster, cluster.address);
    await says(cluster, /^https:\/\/127\.0\.0\.1:\d+: TCP: no connection/);
    expect(kept().address).toBe(better);
  });

  test.each([
    ["nobody listens there", async () => "https://127.0.0.1:1", /^https:\/\/127\.0\.0\.1:1: TCP: no connection/],
    ["nobody has the name", async () => "https://no-such-host.invalid:7443", /: DNS: no address was found/],
    ["another authority answers", async () => (await open()).address, /: pin: its certificate is not of the authority/],
    [
      "its certificate is for others",
      async (port: number) => `https://127.0.0.2:${port}`,
      /: TLS: its certificate is for another address/,
    ],
  ])("is left alone while %s; the link stays", async (_why, place, words) => {
    const cluster = await open();
    const agent = await agentOf(cluster);
    await dials(cluster, cluster.address);
    const better = await place(cluster.port.port);
    tell(cluster, better, cluster.address);
    await says(cluster, words);
    expect(agent.move.problem()).toMatch(words);
    expect(kept().address).toBe(cluster.address);
    expect(agent.changes.filter((change) => change.startsWith("backoff"))).toEqual([]);
    tell(cluster, cluster.address);
    await waitUntil("all is well", () => cluster.hub.host("h1")?.addressProblem === "", 15_000);
  });

  test("that shakes hands and gives no link is tried once, not again and again", async () => {
    const cluster = await open();
    let connections = 0;
    // Lets the look through and cuts whatever speaks HTTP/2 afterwards.
    const gate = net.createServer((near) => {
      connections += 1;
      const far = net.connect(cluster.port.port, "127.0.0.1");
      const first = connections === 1;
      near.on("error", () => {}).on("close", () => far.destroy());
      far.on("error", () => {}).on("close", () => near.destroy());
      if (first) near.pipe(far).pipe(near);
      else near.destroy();
    });
    await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve));
    stack.defer(() => new Promise<void>((resolve) => void gate.close(() => resolve())));
    const better = `https://127.0.0.1:${(gate.address() as net.AddressInfo).port}`;
    await agentOf(cluster);
    await dials(cluster, cluster.address);
    tell(cluster, better, cluster.address);
    await says(cluster, /: it answers, and no link comes about there$/);
    await dials(cluster, cluster.address);
    expect(kept().address).toBe(cluster.address);
  });
});
