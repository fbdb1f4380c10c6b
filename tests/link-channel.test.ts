// Channels over a real link: many bytes at the reader's speed, both ways, and an end that reaches the other side.
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentChannel } from "../agent/link/channel.ts";
import type { LinkOptions } from "../agent/link/session.ts";
import { OzError } from "#core/errors.ts";
import {
  type ChannelResponse,
  ChannelResponseSchema,
  ExecRequestSchema,
  ForwardRequestSchema,
  LogRequestSchema,
} from "#proto/agent_pb.ts";
import type { HostChannel } from "../controlplane/agents/channels.ts";
import { type LinkCluster, openLinkCluster, startAgent, type TestAgent } from "./support/link-cluster.ts";
import { waitUntil } from "./support/wait-until.ts";

let stack: AsyncDisposableStack;
beforeEach(() => (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

const logs = { case: "logs" as const, value: create(LogRequestSchema, { replicaId: "r1" }) };
const exec = {
  case: "exec" as const,
  value: create(ExecRequestSchema, { replicaId: "r1", command: ["cat"], stdin: true }),
};
const never = new AbortController().signal;
const mib = 2 ** 20;

async function open(onOpenChannel: LinkOptions["onOpenChannel"]): Promise<{ cluster: LinkCluster; agent: TestAgent }> {
  const cluster = stack.use(await openLinkCluster());
  const agent = startAgent(cluster, await cluster.identity("h1"), { onOpenChannel });
  stack.use(agent.link);
  await waitUntil("the agent is welcomed", () => cluster.hub.host("h1")?.state === "online", 5_000, 5);
  return { cluster, agent };
}

const stdin = (bytes: Uint8Array): ChannelResponse =>
  create(ChannelResponseSchema, { message: { case: "stdin", value: bytes } });
const stdinClosed = create(ChannelResponseSchema, { message: { case: "stdinClosed", value: true } });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Everything that was said, until ChannelClosed. */
async function readAll(channel: HostChannel) {
  const said = { stdout: "", stderr: "", exitCode: -1, error: "" };
  for await (const { message } of channel) {
    if (message.case === "stdout" || message.case === "stderr")
      said[message.case] += Buffer.from(message.value).toString();
    if (message.case === "closed")
      Object.assign(said, { exitCode: message.value.exitCode, error: message.value.error });
  }
  return said;
}

describe("a channel", () => {
  test("carries output, an exit code, and what went wrong", async () => {
    const { cluster } = await open(async (request, channel) => {
      if (request.case === "logs")
        throw new OzError("not_found", "no replica r1 on this host", { hint: "See ozctl ps." });
      await channel.stdout(Buffer.from("out"));
      await channel.stderr(Buffer.from("err"));
      return { exitCode: 3 };
    });
    expect(await readAll(await cluster.hub.openChannel("h1", exec, never))).toEqual({
      stdout: "out",
      stderr: "err",
      exitCode: 3,
      error: "",
    });
    expect(await readAll(await cluster.hub.openChannel("h1", logs, never))).toMatchObject({
      exitCode: 1,
      error: "no replica r1 on this host. See ozctl ps.",
    });
  });

  test("20 MB flow at the reader's speed: the sender waits, and commands are not delayed", async () => {
    const total = 20 * mib;
    let sent = 0;
    const { cluster, agent } = await open(async (_request, channel) => {
      const chunk = new Uint8Array(64 * 1024);
      for (; sent < total; sent += chunk.length) await channel.stdout(chunk);
    });
    const channel = await cluster.hub.openChannel("h1", logs, never);
    let read = 0;
    let most = 0;
    for await (const { message } of channel) {
      if (message.case !== "stdout") continue;
      read += message.value.length;
      // A reader that dawdles at first.
      if (read < mib) await pause(10);
      most = Math.max(most, sent - read);
      if (read === 10 * mib) {
        agent.change(["r1"]);
        await waitUntil("a report passes by", () => cluster.hub.host("h1")?.observed.has("r1"), 1_000, 2);
      }
    }
    expect(read).toBe(total);
    // On the way: one HTTP/2 window, the socket's own buffers, and 16 messages on either side.
    expect(most).toBeLessThan(6 * mib);
  });

  test("a reader that reads nothing stops the sender", async () => {
    let sent = 0;
    const { cluster } = await open(async (_request, channel) => {
      for (; ; sent += 64 * 1024) await channel.stdout(new Uint8Array(64 * 1024));
    });
    const channel = await cluster.hub.openChannel("h1", logs, never);
    await pause(100);
    let before = -1;
    await waitUntil(
      "the sender stands still",
      async () => before === sent || (((before = sent), await pause(60)), false),
      5_000,
      5,
    );
    expect(sent).toBeLessThan(6 * mib);
    channel.cancel();
  });

  test("input flows to the agent, with its end, a new size, and with the agent's speed", async () => {
    const sizes: number[] = [];
    const { cluster } = await open(async (_request, channel) => {
      let bytes = 0;
      for await (const message of channel.input) {
        if (message.case === "stdin") bytes += message.value.length;
        if (message.case === "resize") sizes.push(message.value.columns);
        if (message.case === "stdinClosed") break;
        if (bytes < mib) await pause(5);
      }
      await channel.stdout(Buffer.from(String(bytes)));
    });
    const channel = await cluster.hub.openChannel("h1", exec, never);
    await channel.send(
      create(ChannelResponseSchema, { message: { case: "resize", value: { columns: 80, rows: 24 } } }),
    );
    for (let i = 0; i < 20 * 16; i++) await channel.send(stdin(new Uint8Array(64 * 1024)));
    await channel.send(stdinClosed);
    expect(await readAll(channel)).toMatchObject({ stdout: String(20 * mib), exitCode: 0 });
    expect(sizes).toEqual([80]);
    await expect(channel.send(stdinClosed)).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("cancelling", () => {
  /** A handler that follows for ever, and whether it was told to end. */
  function follower(work: (channel: AgentChannel) => Promise<void>) {
    const told = { ended: 0 };
    const handler: LinkOptions["onOpenChannel"] = async (_request, channel) => {
      channel.signal.addEventListener("abort", () => (told.ended += 1), { once: true });
      await work(channel);
    };
    return { told, handler };
  }
  const untilAborted = ({ signal }: AgentChannel) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const lines = async (channel: AgentChannel) => {
    for (;;) {
      await channel.stdout(Buffer.from("line\n"));
      await pause(1);
    }
  };

  test("leaving the loop, aborting the signal and a broken link each end the handler", async () => {
    const { told, handler } = follower(lines);
    const { cluster } = await open(handler);
    for await (const _ of await cluster.hub.openChannel("h1", logs, never)) break;
    await waitUntil("the first ended", () => told.ended === 1, 5_000, 5);
    const abort = new AbortController();
    const reading = readAll(await cluster.hub.openChannel("h1", logs, abort.signal));
    abort.abort();
    await reading;
    await waitUntil("the second ended", () => told.ended === 2, 5_000, 5);
    const broken = readAll(await cluster.hub.openChannel("h1", logs, never));
    cluster.port.cut("h1");
    await expect(broken).rejects.toMatchObject({ code: "unavailable" });
    await waitUntil("the third ended", () => told.ended === 3, 5_000, 5);
  });

  test("an asker who never read is forgotten when the signal aborts", async () => {
    const { told, handler } = follower(untilAborted);
    const { cluster } = await open(handler);
    const abort = new AbortController();
    await cluster.hub.openChannel("h1", logs, abort.signal);
    abort.abort();
    await waitUntil("it ended", () => told.ended === 1, 5_000, 5);
  });

  test("reaches an agent whose program takes no input any more", async () => {
    const { told, handler } = follower(untilAborted);
    const { cluster } = await open(handler);
    const channel = await cluster.hub.openChannel("h1", exec, never);
    let stuck = false;
    for (let i = 0; i < 400 && !stuck; i++) {
      stuck = await Promise.race([
        channel.send(stdin(new Uint8Array(64 * 1024))).then(() => false),
        pause(300).then(() => true),
      ]);
    }
    expect(stuck).toBe(true);
    channel.cancel();
    await waitUntil("it ended", () => told.ended === 1, 5_000, 5);
  });

  test.each([1, 16, 24, 32, 40])("reaches an agent whose program has %i messages to take yet", async (count) => {
    const { told, handler } = follower(untilAborted);
    const { cluster } = await open(handler);
    const channel = await cluster.hub.openChannel("h1", exec, never);
    for (let i = 0; i < count; i++) await channel.send(stdin(new Uint8Array(64 * 1024)));
    channel.cancel();
    await waitUntil("it ended", () => told.ended === 1, 5_000, 5);
  });

  test("a channel that nobody asked for, and more than 64 at once, are refused", async () => {
    const { handler } = follower(untilAborted);
    const { cluster } = await open(handler);
    const abort = new AbortController();
    const held = await Promise.all(Array.from({ length: 64 }, () => cluster.hub.openChannel("h1", logs, abort.signal)));
    expect(held).toHaveLength(64);
    expect(await readAll(await cluster.hub.openChannel("h1", logs, never))).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining("64 logs and commands") as string,
    });
    abort.abort();
  });

  test("512 connections at once leave the link and a log alone; one more is refused", async () => {
    const { handler } = follower(async (channel) => {
      await channel.connected();
      await untilAborted(channel);
    });
    const { cluster, agent } = await open(handler);
    const abort = new AbortController();
    const forward = { case: "forward" as const, value: create(ForwardRequestSchema, { replicaId: "r1" }) };
    const first = async (request: typeof forward | typeof logs) => {
      const channel = await cluster.hub.openChannel("h1", request, abort.signal);
      return (await channel[Symbol.asyncIterator]().next()).value?.message;
    };
    const held = await Promise.all(Array.from({ length: 512 }, () => first(forward)));
    expect(new Set(held.map((message) => message?.case))).toEqual(new Set(["connected"]));
    expect(await first(logs)).toMatchObject({ case: "connected" });
    const refused = { error: expect.stringContaining("512 connections already") as string };
    expect(await first(forward)).toMatchObject({ case: "closed", value: refused });
    expect(agent.reasons).toEqual([]);
    abort.abort();
  });
});
