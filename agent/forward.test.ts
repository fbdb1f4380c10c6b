import { createHash, randomBytes } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { forwardBytes } from "./forward.ts";
import type { AgentChannel, ChannelInput } from "./link/channel.ts";

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
  server = undefined;
});

async function listen(handle: (socket: Socket) => void): Promise<{ address: string; port: number }> {
  const opened = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  server = opened;
  await new Promise<void>((resolve) => opened.listen(0, "127.0.0.1", resolve));
  return { address: "127.0.0.1", port: (opened.address() as AddressInfo).port };
}

/** A channel that takes what comes, and gives the input; leave() is what a caller does who goes away. */
function channelOf(input: AsyncIterable<ChannelInput>, stdout?: (bytes: Uint8Array) => Promise<void>) {
  const said: string[] = [];
  const abort = new AbortController();
  let output = Buffer.alloc(0);
  const channel: AgentChannel = {
    signal: abort.signal,
    stdout: stdout ?? (async (bytes) => void (output = Buffer.concat([output, bytes]))),
    stderr: async () => {},
    connected: async () => void said.push("connected"),
    stdoutClosed: async () => void said.push("stdoutClosed"),
    input,
  };
  return { channel, said, output: () => output, leave: () => abort.abort() };
}

const stdin = (value: Uint8Array): ChannelInput => ({ case: "stdin", value });
const stdinClosed: ChannelInput = { case: "stdinClosed", value: true };
const never = (): AsyncIterable<ChannelInput> => ({
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
});

test("input first, then the answer to its end", async () => {
  const body = randomBytes(500_000);
  const to = await listen((socket) => {
    const hash = createHash("sha256");
    socket.on("data", (data) => hash.update(data)).on("end", () => socket.end(hash.digest("hex")));
  });
  const { channel, said, output } = channelOf(
    (async function* () {
      yield stdin(body.subarray(0, 1000));
      yield stdin(body.subarray(1000));
      yield stdinClosed;
    })(),
  );
  await forwardBytes(to, channel);
  expect(output().toString()).toBe(createHash("sha256").update(body).digest("hex"));
  expect(said).toEqual(["connected", "stdoutClosed"]);
});

test("the replica's end leaves the way to it open", async () => {
  const got = Promise.withResolvers<string>();
  const to = await listen((socket) => {
    let text = "";
    socket.end("bye");
    socket.on("data", (data) => (text += String(data))).on("end", () => got.resolve(text));
  });
  const closed = Promise.withResolvers<void>();
  const { channel, output } = channelOf(
    (async function* () {
      await closed.promise;
      yield stdin(Buffer.from("still"));
      yield stdinClosed;
    })(),
  );
  const done = forwardBytes(to, { ...channel, stdoutClosed: async () => closed.resolve() });
  expect(await got.promise).toBe("still");
  await done;
  expect(output().toString()).toBe("bye");
});

test("output waits for room: the replica is held back", async () => {
  let sent = 0;
  const to = await listen((socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
      socket.once("drain", more);
    };
    more();
  });
  const { channel, leave } = channelOf(never(), () => new Promise(() => {}));
  void forwardBytes(to, channel).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 80));
  const held = sent;
  expect(held).toBeLessThan(32 * 2 ** 20);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(sent).toBe(held);
  leave();
});

test("who leaves ends the connection at once", async () => {
  const ended = Promise.withResolvers<void>();
  const to = await listen((socket) => {
    socket.resume();
    socket.once("end", () => ended.resolve());
    socket.once("error", () => ended.resolve());
  });
  const { channel, said, leave } = channelOf(never());
  const done = forwardBytes(to, channel).catch(() => {});
  while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
  leave();
  await ended.promise;
  void done;
});

test("a reset is told", async () => {
  const to = await listen((socket) => void socket.once("data", () => socket.resetAndDestroy()));
  const { channel } = channelOf(
    (async function* () {
      yield stdin(Buffer.from("x"));
      await new Promise(() => {});
    })(),
  );
  await expect(forwardBytes(to, channel)).rejects.toThrow(/the container broke the connection: .*ECONNRESET/);
});

test("a port nobody listens on is told with what to try; who left before is not connected", async () => {
  const to = await listen(() => {});
  await new Promise<void>((resolve) => server?.close(() => resolve()));
  const { channel, said, leave } = channelOf(never());
  await expect(forwardBytes(to, channel)).rejects.toMatchObject({
    code: "unavailable",
    message: `nothing takes connections at port ${to.port} inside the container (ECONNREFUSED)`,
    hint: expect.stringContaining("--remote-port"),
  });
  leave();
  await expect(forwardBytes(to, channel)).rejects.toMatchObject({ code: "cancelled" });
  expect(said).toEqual([]);
});
