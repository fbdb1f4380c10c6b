// Puts the handlers together: who may call, what errors look like, one line of log per change.
import type { ConnectRouter, HandlerContext, Interceptor } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createContextValues } from "@connectrpc/connect";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { type Principal, principalKey, requireRule } from "../auth/principal.ts";
import { rules } from "../auth/rules.ts";
import { OzError } from "#core/errors.ts";
import { maxTotalBytes } from "#core/settings/limits.ts";
import { addressRoutes } from "./addresses.ts";
import type { ApiContext } from "./context.ts";
import { enrollmentRoutes } from "./enrollment.ts";
import { isLostCaller, toConnectError } from "./errors.ts";
import { eventRoutes } from "./events.ts";
import { execRoutes } from "./exec.ts";
import { forwardRoutes } from "./forward.ts";
import { hostRoutes } from "./hosts.ts";
import { instanceRoutes } from "./instances.ts";
import { logRoutes } from "./logs.ts";
import { operationRoutes } from "./operations.ts";
import { replicaRoutes } from "./replicas.ts";
import { serviceRoutes } from "./services.ts";
import { settingsRoutes } from "./settings.ts";
import { statusRoutes } from "./status.ts";
import { tokenRoutes } from "./tokens.ts";

export type ApiRequest = IncomingMessage | Http2ServerRequest;
export type ApiHandler = (request: ApiRequest, response: ServerResponse | Http2ServerResponse) => void;

/** One message. Settings are the largest; as JSON, text may take twice its bytes, and all that is around it some more. */
const readMaxBytes = 2 * maxTotalBytes + 2 ** 20;

/** One handler per listener: they differ only in how a caller is known. */
export function createApiHandler(
  context: ApiContext,
  principalOf: (request: ApiRequest) => Principal | Promise<Principal>,
): ApiHandler {
  const principals = new WeakMap<ApiRequest, Principal>();
  const adapter = connectNodeAdapter({
    routes: (router) => allRoutes(router, context),
    requestGate: (call) => requireMayCall(context, call),
    interceptors: [endWithToken(context)],
    contextValues: (request) =>
      createContextValues().set(principalKey, principals.get(request) ?? { kind: "anonymous", name: "anonymous" }),
    readMaxBytes,
    grpcWeb: true,
    fallback: (_request, response) => {
      (response as ServerResponse)
        .writeHead(404, { "content-type": "text/plain" })
        .end("There is nothing here. The API is spoken by ozctl and by gRPC and Connect clients.\n");
    },
  });
  return (request, response) => void answer(request, response as ServerResponse);

  async function answer(request: ApiRequest, response: ServerResponse): Promise<void> {
    try {
      principals.set(request, await principalOf(request));
    } catch (error) {
      context.log.error({ err: error }, "cannot tell who is calling");
      return void response.writeHead(503).end();
    }
    try {
      adapter(request as IncomingMessage, response);
    } catch (error) {
      // The library throws for a Host header that is none. Uncaught, anybody could end this program with one.
      context.log.debug({ err: error }, "a request that cannot be read");
      response
        .writeHead(400, { "content-type": "text/plain" })
        .end("This request names no host, or none that can be.\n");
    }
  }
}

export function allRoutes(router: ConnectRouter, context: ApiContext): void {
  for (const routes of [
    addressRoutes,
    enrollmentRoutes,
    eventRoutes,
    execRoutes,
    forwardRoutes,
    hostRoutes,
    instanceRoutes,
    logRoutes,
    operationRoutes,
    replicaRoutes,
    serviceRoutes,
    settingsRoutes,
    statusRoutes,
    tokenRoutes,
  ])
    routes(router, context);
}

/** Before anything of the body is read: what a stranger sends is not held. */
function requireMayCall(context: ApiContext, call: HandlerContext): void {
  const method = methodOf(call);
  try {
    requireRule(rules[method], call.values.get(principalKey), method);
  } catch (error) {
    throw logged(error, context, method);
  }
}

function endWithToken(context: ApiContext): Interceptor {
  return (next) => async (request) => {
    const method = methodOf(request);
    try {
      const ended = context.liveCalls.begin(request.contextValues.get(principalKey), request.signal);
      const response = await next({ ...request, signal: AbortSignal.any([request.signal, ended]) });
      if (!response.stream) return response;
      return { ...response, message: untilEnded(response.message, ended, context, method) };
    } catch (error) {
      throw logged(error, context, method);
    }
  };
}

function methodOf({ service, method }: Pick<HandlerContext, "service" | "method">): string {
  return `${service.typeName}/${method.name}`;
}

/** Messages and errors for the wire. Whatever a handler makes of its signal, the caller is told why the token ended the call. */
async function* untilEnded<T>(
  messages: AsyncIterable<T>,
  ended: AbortSignal,
  context: ApiContext,
  method: string,
): AsyncIterable<T> {
  try {
    yield* messages;
    ended.throwIfAborted();
  } catch (error) {
    throw logged(ended.aborted ? ended.reason : error, context, method);
  }
}

function logged(error: unknown, context: ApiContext, method: string): Error {
  if (isLostCaller(error)) {
    context.log.debug({ err: error, method }, "the caller's connection ended");
    return toConnectError(new OzError("cancelled", "the caller's connection ended", { cause: error }));
  }
  const converted = toConnectError(error);
  if (converted.code === 13) context.log.error({ err: error, method }, "call failed");
  return converted;
}
