// A real HTTP server with the REST handler on it and a backend that records what it is asked.
import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach } from "vitest";
import { quietLog } from "#core/log.ts";
import type { DynamicInstance } from "#proto/instances_pb.ts";
import type { LogRange, LogSubject, RestBackend } from "../rest-backend.ts";
import { createRestHandler, type RestOptions } from "../rest-handler.ts";
import { hosts, instances, service } from "./sample-world.ts";

export const key = "a-long-random-token";
const toClose: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
});

export type Fake = RestBackend & { replaced: DynamicInstance[][]; asked: { subject: LogSubject; range: LogRange }[] };

export function fakeBackend(more: Partial<RestBackend> = {}): Fake {
  const replaced: DynamicInstance[][] = [];
  const asked: { subject: LogSubject; range: LogRange }[] = [];
  return {
    replaced,
    asked,
    services: () => Promise.resolve([service]),
    instances: () => Promise.resolve(instances),
    hosts: () => Promise.resolve(hosts),
    localHostName: () => Promise.resolve("devbox"),
    replaceDynamic: (list) => {
      replaced.push([...list]);
      return Promise.resolve({ operationId: 12n });
    },
    logs: (subject, range) => {
      asked.push({ subject, range });
      return Promise.resolve(["one", "two"]);
    },
    launchLogs: () => Promise.resolve(["started on devbox"]),
    ...more,
  };
}

export async function serve(
  backend: RestBackend,
  options: Partial<RestOptions> = {},
): Promise<{ base: string; port: number }> {
  const server = createServer(createRestHandler(backend, { systemKey: key, log: quietLog, ...options }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  toClose.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { base: `http://127.0.0.1:${port}`, port };
}

export const withKey = { authorization: `Bearer ${key}` };

export async function get(base: string, path: string, headers: Record<string, string> = withKey) {
  const answer = await fetch(base + path, { headers, redirect: "error" });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as any };
}

export async function post(base: string, path: string, body: unknown) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(base + path, { method: "POST", headers: withKey, body: text, redirect: "error" });
  return { status: answer.status, body: (await answer.json()) as any };
}

/** Sends bytes and reads the status of the first answer; ends when the server hangs up. */
export function rawStatus(port: number, bytes: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.setTimeout(5_000, () => socket.destroy(new Error("the server did not hang up")));
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])));
  });
}

export function chunkedStatus(port: number, chunks: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port, host: "127.0.0.1", method: "POST", path: "/srv/services/update/", headers: withKey },
      (answer: IncomingMessage) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    request.on("error", reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  });
}
