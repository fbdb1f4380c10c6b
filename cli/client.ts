// The typed client: descriptors of the contract in, messages out, over the small transport.
import {
  create,
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import type { DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { type Target, streamJson, unaryJson } from "./connect-json.ts";

export type ClientOptions = {
  /** Longest time of one unary call in milliseconds. Default 10,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
};

export type Client = {
  readonly target: Target;
  /** One unary call, for example `call(HostsService.method.listHosts, {})`. Throws OzError. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: ClientOptions,
  ): Promise<MessageShape<O>>;
  /** One server stream. Ends by throwing `cancelled` when the signal aborts. Throws OzError. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): AsyncIterable<MessageShape<O>>;
};

const defaultTimeoutMs = 10_000;

/** A client for one control plane. Nothing is sent before the first call. */
export function openClient(target: Target): Client {
  return {
    target,
    async call(method, request, { timeoutMs = defaultTimeoutMs, signal } = {}) {
      const body = encode(method.input, request);
      const text = await unaryJson(target, path(method), body, { timeoutMs, ...(signal && { signal }) });
      return decode(method.output, text);
    },
    async *stream(method, request, signal) {
      const body = encode(method.input, request);
      const options = { timeoutMs: defaultTimeoutMs, ...(signal && { signal }) };
      for await (const text of streamJson(target, path(method), body, options)) yield decode(method.output, text);
    },
  };
}

function path(method: { parent: { typeName: string }; name: string }): string {
  return `${method.parent.typeName}/${method.name}`;
}

function encode<I extends DescMessage>(schema: I, request: MessageInitShape<I>): string {
  return JSON.stringify(toJson(schema, create(schema, request)));
}

/** Unknown fields are left out: a newer control plane may say more than this program knows. */
function decode<O extends DescMessage>(schema: O, text: string): MessageShape<O> {
  return fromJson(schema, JSON.parse(text) as JsonValue, { ignoreUnknownFields: true });
}
