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

/** A client with a connection of its own, which close() ends with every stream on it. Throws what connectionError gives. */
export async function openBidiClient(target: Target): Promise<BidiClient> {
  const unix = target.address.startsWith("unix:");
  const baseUrl = unix ? "http://localhost" : parseAddress(target.address).origin;
  const settings = { initialWindowSize: windowBytes };
  const tls = { minVersion: "TLSv1.3" as const, ...(target.caPem !== undefined && { ca: target.caPem }) };
  const nodeOptions = unix
    ? { settings, createConnection: () => connectSocket(target.address.slice("unix:".length)) }
    : baseUrl.startsWith("https:")
      ? { ...tls, settings }
      : { settings };
  const sessions = new WideSessions(baseUrl, { pingIntervalMs: 10_000, pingTimeoutMs: 5_000 }, nodeOptions);
  const began = performance.now();
  const state = await Promise.race([
    sessions.connect(),
    new Promise<"late">((resolve) => setTimeout(resolve, connectTimeoutMs, "late").unref()),
  ]);
  if (state === "error" || state === "late") {
    const cause =
      state === "late" ? Object.assign(new Error("no answer"), { code: "OZ_TIMEOUT" }) : rootCause(sessions.error());
    sessions.abort();
    throw connectionError(cause, target.address, performance.now() - began, { timeoutMs: connectTimeoutMs });
  }
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
    if (!(error instanceof ConnectError))
      throw connectionError(error, address, 0, { timeoutMs: connectTimeoutMs, signal });
    throw await fromConnectError(error, address);
  }
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
