// The HTTP/1.1 and HTTP/2 servers behind a listener that hands them its sockets. Limits and pings live here, because a
// server that does not listen itself has none.
import http from "node:http";
import http2 from "node:http2";
import type { Socket } from "node:net";
import type { Clock, Timer } from "#core/clock.ts";

/** Handles a request of either version, as connectNodeAdapter gives it. */
export type ApiHandler = (
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
) => void;

/** Times in milliseconds. */
export type HttpLimits = {
  /** From a new connection to its first complete request headers. Default 10,000. */
  readonly headersMs: number;
  /** Receiving one whole HTTP/1.1 request. Default 60,000. */
  readonly requestMs: number;
  /** Between two HTTP/1.1 requests of one connection. Default 5,000. */
  readonly idleMs: number;
  /** HTTP/2 pings, so that a watcher that went away without a word is noticed. Default 20,000. */
  readonly pingMs: number;
  /** Requests at the same time on one HTTP/2 connection. Default 128. */
  readonly streams: number;
};

export const defaultHttpLimits: HttpLimits = {
  headersMs: 10_000,
  requestMs: 60_000,
  idleMs: 5_000,
  pingMs: 20_000,
  streams: 128,
};

/** What may be on its way to us on one stream and on one connection: HTTP/2's own 64 KiB let a network of 20 ms carry 3 MB a second. */
const windowBytes = 512 * 1024;
const connectionWindowBytes = 8 * windowBytes;

export type HttpServers = {
  /** Serves a connected socket in clear or behind TLS. */
  serve(socket: Socket, protocol: "h2" | "http/1.1"): void;
  /** Ends idle connections at once and busy ones when their request is done. */
  drain(): void;
};

export function createHttpServers(
  handler: ApiHandler,
  clock: Clock,
  limits: HttpLimits = defaultHttpLimits,
): HttpServers {
  const { headersMs, requestMs, idleMs, pingMs, streams } = limits;
  const plain = http.createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs, keepAliveTimeout: idleMs, maxHeaderSize: 32 * 1024 },
    handler,
  );
  const second = http2.createServer(
    { settings: { maxConcurrentStreams: streams, initialWindowSize: windowBytes }, maxSessionMemory: 16 },
    handler,
  );
  const sessions = new Set<http2.ServerHttp2Session>();
  const started = new WeakMap<object, () => void>();
  let serving: Socket | undefined;
  let draining = false;
  // Node watches over slow headers and idle connections only in a server that listens; this one is told that it does.
  plain.emit("listening");

  plain.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
    started.get(request.socket)?.();
    if (draining) response.setHeader("connection", "close");
  });
  plain.on("clientError", (_error, socket) => socket.destroy());
  second.on("sessionError", () => {});
  second.on("session", (session) => {
    sessions.add(session);
    session.setLocalWindowSize(connectionWindowBytes);
    const socket = serving;
    if (socket !== undefined) session.once("stream", () => started.get(socket)?.());
    const stop = keepAsking(session, clock, pingMs);
    session.once("close", () => {
      stop();
      sessions.delete(session);
    });
    if (draining) session.close();
  });

  /** Ends a connection that never asks for anything. */
  function expectRequest(socket: Socket): void {
    const timer = clock.after(headersMs, () => socket.destroy());
    const stop = () => timer.cancel();
    started.set(socket, stop);
    socket.once("close", stop);
  }

  return {
    serve(socket, protocol) {
      expectRequest(socket);
      if (protocol === "http/1.1") return void plain.emit("connection", socket);
      // The session is made, and told of, within this call.
      serving = socket;
      second.emit("connection", socket);
      serving = undefined;
    },
    drain() {
      draining = true;
      // It never listened, so this ends nothing but the idle connections and the watch over them.
      plain.close(() => {});
      for (const session of sessions) session.close();
    },
  };
}

/** Pings; a session that does not answer before the next ping is destroyed. */
function keepAsking(session: http2.ServerHttp2Session, clock: Clock, pingMs: number): () => void {
  let answered = true;
  let timer: Timer;
  const ask = () => {
    if (session.destroyed) return;
    if (!answered) return session.destroy();
    answered = false;
    session.ping(() => (answered = true));
    timer = clock.after(pingMs, ask);
  };
  timer = clock.after(pingMs, ask);
  return () => timer.cancel();
}
