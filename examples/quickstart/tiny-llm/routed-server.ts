// A server over a table of routes: who asks for what is not there, or with the wrong method, is told so.

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { ApiError, errorBody, toApiError } from "./api-error.ts";
import { sendJson } from "./http-json.ts";
import type { Log } from "./log.ts";

/** Of a refused body; more of it ends the connection. */
const MOST_DISCARDED_BYTES = 64 * 1024 * 1024;

type Route<Parts> = (
  parts: Parts,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  url: URL,
) => Promise<void> | void;

/** Keys are a method and a path: `GET /health`. */
export type Routes<Parts> = Readonly<Record<string, Route<Parts>>>;

/** `fail` writes what a route threw; called with the answer in whatever state it is. */
export function routedServer<Parts extends { log: Log }>(
  routes: Routes<Parts>,
  parts: Parts,
  fail: (outgoing: ServerResponse, thrown: unknown) => void = sendFailure,
): Server {
  const server = createServer((incoming, outgoing) => {
    answerOne(routes, parts, incoming, outgoing).catch((error: unknown) => {
      if (!(error instanceof ApiError))
        parts.log("error", "request failed", { url: incoming.url, error: String(error) });
      if (!incoming.complete) discard(incoming);
      fail(outgoing, error);
    });
  });
  server.headersTimeout = 15_000;
  server.requestTimeout = 30_000;
  return server;
}

/** Resolves when connections are taken, on every address of the machine; rejects when the port is not to be had. */
export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "0.0.0.0", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/**
 * Takes no more connections, and resolves when those that are open have ended with the answer that is on its way over them, at most after
 * limitMs, and after lingerMs more: with the program its container's network ends, and what is still on its way over that.
 */
export async function closeServer(server: Server, limitMs: number, lingerMs = 1000): Promise<void> {
  const open = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
  // Ends what clients keep open for their next request.
  server.keepAliveTimeout = 1;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if (open === 0) return closed;
  await Promise.race([closed, setTimeout(limitMs)]);
  await setTimeout(lingerMs);
}

/** Reads what is left of a refused body: who is cut off while sending never sees the answer. Only so much of it, though. */
function discard(incoming: IncomingMessage): void {
  let bytes = 0;
  incoming.on("data", (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > MOST_DISCARDED_BYTES) incoming.destroy();
  });
  incoming.on("error", () => undefined);
}

/** The failure as JSON in OpenAI's shape; nothing when the answer has begun or nobody waits for it. */
export function sendFailure(outgoing: ServerResponse, thrown: unknown): void {
  if (outgoing.destroyed || outgoing.headersSent) return;
  const error = toApiError(thrown);
  const headers = error.retryAfterSeconds === undefined ? {} : { "retry-after": String(error.retryAfterSeconds) };
  sendJson(outgoing, error.status, errorBody(error), headers);
}

async function answerOne<Parts>(
  routes: Routes<Parts>,
  parts: Parts,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  // As part of one: "//" alone would be read as the beginning of a host.
  const url = new URL(`http://local${incoming.url?.startsWith("/") ? "" : "/"}${incoming.url ?? ""}`);
  const method = incoming.method === "HEAD" ? "GET" : incoming.method;
  const route = routes[`${method} ${url.pathname}`];
  if (route !== undefined) return route(parts, incoming, outgoing, url);
  const known = Object.keys(routes).some((key) => key.endsWith(` ${url.pathname}`));
  if (known) throw new ApiError(405, `${url.pathname} does not take ${incoming.method}`);
  throw new ApiError(404, `no route ${url.pathname}`);
}
