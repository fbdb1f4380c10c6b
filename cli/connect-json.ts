// The small transport: Connect's JSON over HTTP/1.1, unary calls and server streams. connect-node costs more start time than a whole call.
import type { IncomingMessage, RequestOptions } from "node:http";
import { OzError } from "#core/errors.ts";
import { connectionError } from "./connection-error.ts";
import { wireError } from "./wire-error.ts";

/** Where calls go and with what credential. */
export type Target = {
  /** "https://HOST:PORT", "unix:/path" or "http://127.0.0.1:PORT". */
  address: string;
  /** The only authority that is trusted, PEM. Unset for unix and http. */
  caPem?: string;
  /** Bearer token. */
  token?: string;
};

export type CallOptions = {
  /** Longest time of the whole call (unary) or until the connection stands (stream), in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal;
};

const largestFrame = 64 * 2 ** 20;
const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

/** One unary call. Gives the JSON text of the answer; throws OzError. path is "ozwald.v1.Service/Method". */
export async function unaryJson(target: Target, path: string, body: string, options: CallOptions): Promise<string> {
  const response = await send(target, path, Buffer.from(body), "application/json", options, true);
  const text = Buffer.concat(await guarded(target, options, collect(response))).toString("utf8");
  if (response.statusCode !== 200) throw await wireError(response.statusCode ?? 0, text, target.address);
  return text;
}

/** One server stream. Yields the JSON text of every message; throws OzError. Aborting the signal ends it with `cancelled`. */
export async function* streamJson(
  target: Target,
  path: string,
  body: string,
  options: CallOptions,
): AsyncGenerator<string, void> {
  const payload = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length, 1);
  const response = await send(target, path, Buffer.concat([head, payload]), "application/connect+json", options, false);
  try {
    if (response.statusCode !== 200) {
      response.setTimeout(options.timeoutMs, () => response.destroy(lateError()));
      const text = Buffer.concat(await guarded(target, options, collect(response))).toString("utf8");
      throw await wireError(response.statusCode ?? 0, text, target.address);
    }
    for await (const frame of frames(response, target, options)) {
      if ((frame.flags & 2) === 0) yield frame.text;
      else return await finish(frame.text, target);
    }
    throw new OzError(
      "unavailable",
      `The control plane at ${target.address} ended the connection in the middle of an answer.`,
    );
  } finally {
    response.destroy();
  }
}

/** The last frame of a stream says whether it ended well. */
async function finish(text: string, target: Target): Promise<void> {
  const end = JSON.parse(text) as { error?: unknown };
  if (end.error !== undefined) throw await wireError(200, JSON.stringify(end.error), target.address);
}

type Frame = { flags: number; text: string };

async function* frames(response: IncomingMessage, target: Target, options: CallOptions): AsyncGenerator<Frame, void> {
  let rest: Buffer = Buffer.alloc(0);
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    while (rest.length >= 5) {
      const size = rest.readUInt32BE(1);
      if (size > largestFrame)
        throw new OzError(
          "limit",
          `A message of ${size} bytes came from ${target.address}; the limit is ${largestFrame}.`,
        );
      if (rest.length < 5 + size) break;
      yield { flags: rest[0]!, text: rest.toString("utf8", 5, 5 + size) };
      rest = rest.subarray(5 + size);
    }
    const next = await guarded(target, options, chunks.next());
    if (next.done) return;
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
  }
}

async function collect(response: IncomingMessage): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestFrame) throw new OzError("limit", `The answer is larger than ${largestFrame} bytes.`);
    chunks.push(chunk);
  }
  return chunks;
}

/** Turns what the socket throws into what a person understands. */
async function guarded<T>(target: Target, options: CallOptions, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw connectionError(error, target.address, 0, options);
  }
}

async function send(
  target: Target,
  path: string,
  body: Buffer,
  type: string,
  options: CallOptions,
  whole: boolean,
): Promise<IncomingMessage> {
  const began = performance.now();
  if (options.signal?.aborted) throw connectionError(options.signal.reason, target.address, 0, options);
  const { request, base } = requester(target);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...base,
      method: "POST",
      path: `/${path}`,
      agent: false,
      headers: {
        "content-type": type,
        "content-length": body.length,
        "connect-protocol-version": "1",
        "user-agent": "ozctl",
        ...(whole && { "connect-timeout-ms": String(options.timeoutMs) }),
        ...(target.token !== undefined && { authorization: `Bearer ${target.token}` }),
      },
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    let incoming: IncomingMessage | undefined;
    const timer = setTimeout(() => (incoming ?? outgoing).destroy(lateError()), options.timeoutMs);
    outgoing.on("socket", (socket) => {
      // A peer that vanished without a word is noticed after about 25 s, also by a stream that has nothing to say.
      socket.setKeepAlive(true, 15_000);
      if (!whole) socket.once(base.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(timer));
    });
    outgoing.on("response", (response: IncomingMessage) => {
      incoming = response;
      response.on("close", () => clearTimeout(timer));
      resolve(response);
    });
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(connectionError(error, target.address, performance.now() - began, options));
    });
    outgoing.end(body);
  });
}

function lateError(): Error {
  return Object.assign(new Error("no answer in time"), { code: "OZ_TIMEOUT" });
}

type Requester = { request: (options: RequestOptions) => import("node:http").ClientRequest; base: RequestOptions };

/**
 * Loads node:https only when it is needed: TLS alone costs a quarter of a start. getBuiltinModule and not import(): importing a built-in
 * makes every one of its exports, and one of node:http's is a lazy WebSocket that would load all of undici (15 ms).
 */
function requester(target: Target): Requester {
  const plain = () => process.getBuiltinModule("node:http").request;
  if (target.address.startsWith("unix:")) {
    const socketPath = target.address.slice("unix:".length);
    return { request: plain(), base: { protocol: "http:", socketPath, host: "localhost", ...noServerName } };
  }
  const url = parseAddress(target.address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
  const place = {
    protocol: url.protocol,
    host,
    port: url.port || (url.protocol === "https:" ? 443 : 80),
    ...(isAddress && noServerName),
  };
  if (url.protocol === "http:") return { request: plain(), base: place };
  // Said here, NODE_TLS_REJECT_UNAUTHORIZED does not count.
  const authority = target.caPem !== undefined && { ca: target.caPem };
  const trust = { minVersion: "TLSv1.3", rejectUnauthorized: true, ...authority };
  return { request: process.getBuiltinModule("node:https").request, base: { ...place, ...trust } };
}

/** Where there is no name to send, saying so saves Node from finding that out with its slow address pattern. */
const noServerName = { servername: "" };

/** Refuses what is no address, and plaintext off loopback. */
export function parseAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === "https:") return url;
  if (url?.protocol === "http:" && loopback.test(url.hostname)) return url;
  const hint = `Write "https://HOST:7443" or "unix:/path".`;
  if (url?.protocol === "http:")
    throw new OzError("bad_request", `${address} is plaintext off this machine; nothing was sent.`, { hint });
  throw new OzError("bad_request", `"${address}" is no address of a control plane.`, { hint });
}
