// Bidirectional calls over HTTP/2 with connect-node, for what carries bytes both ways: exec, forward, chat.
import { connect as connectSocket } from "node:net";
import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type Target, parseAddress } from "./connect-json.ts";
import { connectionError } from "./connection-error.ts";
import { wireError } from "./wire-error.ts";

export type BidiClient = {
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    requests: AsyncIterable<MessageShape<I>>,
    signal: AbortSignal,
  ): AsyncIterable<MessageShape<O>>;
  close(): void;
};

const connectTimeoutMs = 10_000;
/** What may be on its way to us: HTTP/2's own 64 KiB let a network of 20 ms carry 3 MB a second. */
const windowBytes = 512 * 1024;
const connectionWindowBytes = 8 * windowBytes;

/**
 * A client with a connection of its own, which close() ends with every stream on it. The signal ends the connecting only. Throws what
 * connectionError gives.
 */
export async function openBidiClient(target: Target, signal?: AbortSignal): Promise<BidiClient> {
  const unix = target.address.startsWith("unix:");
  const baseUrl = unix ? "http://localhost" : parseAddress(target.address).origin;
  const settings = { initialWindowSize: windowBytes };
  const authority = target.caPem !== undefined && { ca: target.caPem };
  // Said here, NODE_TLS_REJECT_UNAUTHORIZED does not count.
  const tls = { minVersion: "TLSv1.3" as const, rejectUnauthorized: true, ...authority };
  const nodeOptions = unix
    ? { settings, createConnection: () => connectSocket(target.address.slice("unix:".length)) }
    : baseUrl.startsWith("https:")
      ? { ...tls, settings }
      : { settings };
  const sessions = new WideSessions(baseUrl, { pingIntervalMs: 10_000, pingTimeoutMs: 5_000 }, nodeOptions);
  await connected(sessions, target.address, signal);
  // Compressing costs more than it saves here, and lets a window of 64 KiB hold many megabytes that nobody has read.
  const transport = createConnectTransport({
    ...{ baseUrl, httpVersion: "2", sessionManager: sessions },
    acceptCompression: [],
  });
  const headers = target.token === undefined ? {} : { authorization: `Bearer ${target.token}` };
  return {
    stream: (method, requests, signal) => streamed(transport, method, requests, signal, headers, target.address),
    close: () => sessions.abort(),
  };
}

async function connected(sessions: Http2SessionManager, address: string, signal?: AbortSignal): Promise<void> {
  const began = performance.now();
  const limit = AbortSignal.timeout(connectTimeoutMs);
  const ended = new Promise<"ended">((resolve) => {
    for (const one of [limit, signal]) one?.addEventListener("abort", () => resolve("ended"), { once: true });
    if (signal?.aborted) resolve("ended");
  });
  const state = await Promise.race([sessions.connect(), ended]);
  if (state !== "error" && state !== "ended") return;
  const late = Object.assign(new Error("no answer"), { code: "OZ_TIMEOUT" });
  const cause = state === "ended" ? late : rootCause(sessions.error());
  sessions.abort();
  const options = { timeoutMs: connectTimeoutMs, ...(signal !== undefined && { signal }) };
  throw connectionError(cause, address, performance.now() - began, options);
}

/** Sessions whose connections may have more on their way. */
class WideSessions extends Http2SessionManager {
  readonly #wide = new WeakSet<object>();

  override async request(
    ...call: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session !== undefined && !this.#wide.has(session)) {
      this.#wide.add(session);
      session.setLocalWindowSize(connectionWindowBytes);
    }
    return stream;
  }
}

async function* streamed<I extends DescMessage, O extends DescMessage>(
  transport: Transport,
  method: DescMethodBiDiStreaming<I, O>,
  requests: AsyncIterable<MessageShape<I>>,
  signal: AbortSignal,
  headers: Record<string, string>,
  address: string,
): AsyncGenerator<MessageShape<O>, void> {
  try {
    const response = await transport.stream(method, signal, undefined, headers, requests);
    yield* response.message;
  } catch (error) {
    const broken = error instanceof ConnectError ? brokenConnection(error) : error;
    if (broken === undefined) throw await fromConnectError(error as ConnectError, address);
    throw connectionError(broken, address, 0, { timeoutMs: connectTimeoutMs, signal });
  }
}

/** What the socket or HTTP/2 said when it was the connection that failed; undefined for what the control plane itself says. */
function brokenConnection(error: ConnectError): unknown {
  const cause = rootCause(error);
  if (typeof (cause as { code?: unknown }).code === "string") return cause;
  // A stream that was reset comes as words only.
  const reset = error.rawMessage.startsWith("http/2 stream closed with");
  return reset ? Object.assign(new Error(error.rawMessage), { code: "ECONNRESET" }) : undefined;
}

/** Goes through the same words as an error of a unary call. */
async function fromConnectError(error: ConnectError, address: string): Promise<Error> {
  const { codeToString } = await import("@connectrpc/connect/protocol-connect");
  const details = error.details.flatMap((detail) =>
    "type" in detail ? [{ type: detail.type, value: Buffer.from(detail.value).toString("base64") }] : [],
  );
  return await wireError(
    200,
    JSON.stringify({ code: codeToString(error.code), message: error.rawMessage, details }),
    address,
  );
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error;
}
