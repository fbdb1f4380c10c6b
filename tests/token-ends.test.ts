// What runs under an API token ends with it: streams of every protocol on the real port, and what they hold open on a host.
import https from "node:https";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ErrorDetailSchema } from "#proto/errors_pb.ts";
import { EventsService } from "#proto/events_pb.ts";
import { ForwardService } from "#proto/forward_pb.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { ExecService, LogsService } from "#proto/logs_pb.ts";
import { SettingsService } from "#proto/settings_pb.ts";
import { TokensService } from "#proto/tokens_pb.ts";
import type { AgentChannel } from "../agent/link/channel.ts";
import type { ApiContext } from "../controlplane/api/context.ts";
import { createApiHandler } from "../controlplane/api/router.ts";
import { bearerPrincipal } from "../controlplane/auth/bearer.ts";
import { startTestControlPlane, type TestControlPlane } from "../controlplane/testing/control-plane.ts";
import { type LinkCluster, openLinkCluster, startAgent } from "./support/link-cluster.ts";
import { waitUntil } from "./support/wait-until.ts";

const settings = `
project: shop
services:
  - { name: web, image: "web:1", ports: [8000], varieties: { cpu-only: {} } }
instances:
  - { name: web }
`;

let stack: AsyncDisposableStack;
let plane: TestControlPlane;
let cluster: LinkCluster;
let channels: AgentChannel[];
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  plane = stack.use(await startTestControlPlane());
  await plane.addHost("a");
  await plane.client(SettingsService).applySettings({ files: [{ name: "ozwald.yml", text: settings }] });
  const hub: ApiContext["hub"] = Object.create(plane.hub, {
    openChannel: {
      value: (...[, request, signal]: Parameters<ApiContext["hub"]["openChannel"]>) =>
        cluster.hub.openChannel("h1", request, signal),
    },
  }) as ApiContext["hub"];
  const apiHandler = createApiHandler(
    { ...plane.context, hub },
    bearerPrincipal(plane.context.store, plane.context.clock),
  );
  cluster = stack.use(await openLinkCluster({ tls: { apiHandler } }));
  channels = [];
  const agent = startAgent(cluster, await cluster.identity("h1"), {
    async onOpenChannel(request, channel) {
      channels.push(channel);
      if (request.case === "forward") await channel.connected();
      await channel.stdout(Buffer.from("begun\n"));
      for await (const message of channel.input) if (message.case === "stdin") await channel.stdout(message.value);
    },
  });
  stack.use(agent.link);
  await waitUntil("the agent is welcomed", () => cluster.hub.host("h1")?.state === "online");
});
afterEach(() => stack.disposeAsync());

const protocols = {
  "Connect over HTTP/1.1": { make: createConnectTransport, httpVersion: "1.1" },
  "Connect over HTTP/2": { make: createConnectTransport, httpVersion: "2" },
  gRPC: { make: createGrpcTransport, httpVersion: "2" },
} as const;

function transportOf(protocol: keyof typeof protocols, token: string): Transport {
  const { make, httpVersion } = protocols[protocol];
  return make({
    ...{ baseUrl: cluster.address, httpVersion, nodeOptions: { ca: cluster.authority.caPem } },
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
}

/** Reads until the stream ends. What it was told then, and whether it had begun. */
function reading(messages: AsyncIterable<unknown>) {
  const seen = { begun: false };
  const end = (async () => {
    for await (const _ of messages) seen.begun = true;
    return undefined;
  })().catch((error: unknown) => ConnectError.from(error));
  return { seen, end };
}

/** Says the first thing and nothing more, as a person who thinks. */
async function* only<T>(first: T) {
  yield first;
  await new Promise(() => {});
}

const streams = {
  exec: (transport: Transport) =>
    createClient(ExecService, transport).exec(
      only({ message: { case: "start" as const, value: { instance: "web", command: ["sh"], stdin: true } } }),
    ),
  forward: (transport: Transport) =>
    createClient(ForwardService, transport).forward(
      only({ message: { case: "start" as const, value: { instance: "web" } } }),
    ),
  logs: (transport: Transport) => createClient(LogsService, transport).getLogs({ instance: "web", follow: true }),
  instances: (transport: Transport) => createClient(InstancesService, transport).watchInstances({}),
  events: (transport: Transport) => createClient(EventsService, transport).watchEvents({ afterSequence: 1n }),
};

const tokens = () => plane.client(TokensService);

describe.each(["revoked", "ended"] as const)("a token that is %s", (how) => {
  test.each<[keyof typeof streams, keyof typeof protocols]>([
    ["exec", "Connect over HTTP/2"],
    ["exec", "gRPC"],
    ["forward", "Connect over HTTP/2"],
    ["forward", "gRPC"],
    ["logs", "Connect over HTTP/1.1"],
    ["instances", "Connect over HTTP/1.1"],
    ["events", "gRPC"],
  ])("ends %s over %s, and says so", async (stream, protocol) => {
    const made = await tokens().createToken({ name: "laptop", ttlSeconds: 60n });
    const kept = await tokens().createToken({ name: "desk" });
    if (how === "ended") {
      const soon = Date.now() + 1_500;
      await plane.context.store.commit(undefined, async ({ trx }) => {
        await trx.updateTable("tokens").set({ expires_at: soon }).where("name", "=", "laptop").execute();
      });
    }
    const stolen = reading(streams[stream](transportOf(protocol, made.token)));
    await waitUntil("it goes on", () => stolen.seen.begun);
    const theirs = [...channels];
    const other = reading(streams.logs(transportOf(protocol, kept.token)));
    await waitUntil("another one's goes on", () => other.seen.begun);
    const began = Date.now();
    if (how === "revoked") await tokens().revokeToken({ token: "laptop" });
    const error = await stolen.end;
    expect(Date.now() - began).toBeLessThan(5_000);
    expect([error?.code, error?.rawMessage]).toEqual([
      Code.Unauthenticated,
      how === "revoked" ? "the token laptop was revoked" : "the token laptop has ended",
    ]);
    expect(error?.findDetails(ErrorDetailSchema)[0]).toMatchObject({
      code: "unauthenticated",
      hint: expect.stringContaining("ozctl token create") as string,
    });
    await waitUntil("nothing of it is left on the host", () => theirs.every(({ signal }) => signal.aborted));
    expect(channels.filter(({ signal }) => !signal.aborted)).toHaveLength(1);
  });
});

test("a call whose caller was known before the token was revoked, and whose question comes after, does not begin", async () => {
  const { token } = await tokens().createToken({ name: "laptop" });
  const answered = new Promise<string>((resolve, reject) => {
    const call = https.request(`${cluster.address}/ozwald.v1.TokensService/CreateToken`, {
      ...{ method: "POST", agent: false, ca: cluster.authority.caPem },
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "connect-protocol-version": "1",
      },
    });
    call.once("error", reject);
    call.once("response", async (response) => resolve(Buffer.concat(await response.toArray()).toString()));
    call.write("{");
    // The headers are there long before; were they not, the answer would be the same.
    setTimeout(
      () =>
        void tokens()
          .revokeToken({ token: "laptop" })
          .then(() => call.end(`"name":"mine"}`), reject),
      300,
    );
  });
  expect(await answered).toContain("the token laptop was revoked");
  expect((await tokens().listTokens({})).tokens).toEqual([]);
});
