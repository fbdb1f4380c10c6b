// The Unix socket for root and the control plane's own user: HTTP/1.1 and HTTP/2 in clear, told apart by the first bytes.
import { chmod, lstat, mkdir, unlink } from "node:fs/promises";
import net, { type Socket } from "node:net";
import { dirname } from "node:path";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { type ApiHandler, createHttpServers, defaultHttpLimits, type HttpLimits } from "./http-servers.ts";

export type UnixSocketOptions = {
  readonly path: string;
  readonly handler: ApiHandler;
  readonly clock: Clock;
  readonly log: Log;
  readonly http?: Partial<HttpLimits>;
};

/** A listener that can be closed; what is busy gets graceMs (default 5,000). */
export type Listener = { close(graceMs?: number): Promise<void> };

/** Opens the socket with mode 0600. Throws port_taken when another control plane answers on it. */
export async function listenUnix(options: UnixSocketOptions): Promise<Listener> {
  const { path, clock, log } = options;
  const api = createHttpServers(options.handler, clock, { ...defaultHttpLimits, ...options.http });
  const open = new Set<Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", (error) => log.debug({ err: error }, "a local connection broke"));
    sniff(socket, clock, options.http?.headersMs ?? defaultHttpLimits.headersMs, (protocol) =>
      api.serve(socket, protocol),
    );
  });
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await removeStale(path);
  await listenPrivately(server, path);
  return { close: (graceMs = 5_000) => closeServer(server, open, () => api.drain(), clock, graceMs) };
}

/** Stops listening, drains, and destroys what is left after graceMs. */
export async function closeServer(
  server: net.Server,
  open: ReadonlySet<Socket>,
  drain: () => void,
  clock: Clock,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  drain();
  const timer = clock.after(graceMs, () => open.forEach((socket) => socket.destroy()));
  await closed;
  timer.cancel();
}

/** The socket never exists with a wider mode, not for an instant. */
async function listenPrivately(server: net.Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      // Binding a path happens inside this call.
      server.listen({ path, exclusive: true }, resolve);
      process.umask(before);
    });
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "EADDRINUSE") throw new OzError("port_taken", `${path} is in use`, { cause: error });
    throw new OzError("unavailable", `the socket ${path} cannot be made: ${String(error)}`, {
      hint: "Choose another with --socket PATH.",
      cause: error,
    });
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o600);
}

/** Removes a socket that a crash left behind: only a socket, and only when nobody answers on it. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new OzError("already_exists", `${path} exists and is no socket`, {
      hint: "Move it away, or choose another with --socket PATH.",
    });
  }
  if (await answers(path)) {
    throw new OzError("port_taken", `another control plane answers on ${path}`, {
      hint: "Stop it first, or choose another with --socket PATH.",
    });
  }
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once("connect", () => {
      resolve(true);
      socket.destroy();
    });
    // Only a refusal proves that nobody is there.
    socket.once("error", (error) => resolve((error as { code?: string }).code !== "ECONNREFUSED"));
    socket.once("close", () => resolve(true));
  });
}

const preface = Buffer.from("PRI ");

/** Looks at the first bytes without taking them. */
function sniff(socket: Socket, clock: Clock, limitMs: number, found: (protocol: "h2" | "http/1.1") => void): void {
  let seen = Buffer.alloc(0);
  const timer = clock.after(limitMs, () => socket.destroy());
  socket.once("close", () => timer.cancel());
  const look = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const couldBe = seen.subarray(0, preface.length).equals(preface.subarray(0, seen.length));
    if (couldBe && seen.length < preface.length) return;
    timer.cancel();
    socket.removeListener("readable", look);
    socket.unshift(seen);
    found(couldBe ? "h2" : "http/1.1");
  };
  socket.on("readable", look);
}
