// The REST interface of the original over node:http: who may, which route, at most so much and so long, and a JSON answer for everything.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { carriesKey } from "./credential.ts";
import { type BodyLimits, discardBody, readBody } from "./request-body.ts";
import type { RestBackend } from "./rest-backend.ts";
import { notAuthenticated, refusal, replyToError, type RestReply } from "./rest-reply.ts";
import type { Route } from "./route.ts";
import { findRoute } from "./route-match.ts";

export type RestOptions = {
  /** Value of OZWALD_SYSTEM_KEY. Without one everything but /health is 401. */
  readonly systemKey: string | undefined;
  readonly log: Log;
  readonly clock?: Clock;
  /** Default 1 MiB within 10 s. */
  readonly bodyLimits?: BodyLimits;
  /** Longest time for an answer in milliseconds. Default 30,000. */
  readonly answerTimeoutMs?: number;
};

type Context = Required<RestOptions> & { readonly backend: RestBackend };

const keyHint =
  "OZWALD_SYSTEM_KEY is not set: REST answers 401 to everything but /health. Set it in the control plane's environment and start it again.";

/** Handles one request of a plain HTTP server. Never throws; every request gets an answer. */
export function createRestHandler(
  backend: RestBackend,
  options: RestOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const context: Context = {
    clock: systemClock,
    bodyLimits: { maxBytes: 2 ** 20, timeoutMs: 10_000 },
    answerTimeoutMs: 30_000,
    ...options,
    backend,
  };
  const keyless = (options.systemKey ?? "").trim() === "";
  if (keyless) options.log.warn(keyHint);
  return (request, response) => {
    answer(request, context)
      .catch((error: unknown) => {
        context.log.error({ err: error, url: request.url?.split("?")[0] }, "REST request failed");
        return replyToError(error);
      })
      .then((reply) => {
        if (keyless && reply === notAuthenticated) options.log.warn({ url: request.url?.split("?")[0] }, keyHint);
        send(request, response, reply, context.clock);
      })
      .catch((error: unknown) => context.log.error({ err: error }, "REST answer was not sent"));
  };
}

async function answer(request: IncomingMessage, context: Context): Promise<RestReply> {
  const [path = "/", ...query] = (request.url ?? "/").split("?");
  const { restRoutes } = await import("./rest-routes.ts"); // with the schema of every answer; many never ask
  const found = findRoute(restRoutes, request.method ?? "GET", path);
  const open = found.kind !== "none" && found.open;
  // First who, then what: without the key nobody learns which paths exist.
  if (!open && !carriesKey(request.headers.authorization, context.systemKey)) return notAuthenticated;
  if (found.kind === "none") return refusal(404, "not_found", `no route ${path}`, found.hint);
  if (found.kind === "wrong-method")
    return refusal(405, "bad_request", `${path} does not take ${request.method}`, "", {
      allow: found.allow.join(", "),
    });
  if (found.kind === "bad-path") return refusal(400, "bad_request", `${path} is not a well-formed path`);
  let text = "";
  if (found.route.body !== undefined) {
    const body = await readBody(request, context.bodyLimits, context.clock);
    if (body.kind === "too-large")
      return refusal(413, "limit", `body: larger than ${context.bodyLimits.maxBytes} bytes`);
    if (body.kind === "too-slow")
      return refusal(408, "timeout", `body: not complete after ${context.bodyLimits.timeoutMs / 1000} s`);
    if (body.kind === "gone") return refusal(400, "cancelled", "body: the sender hung up");
    text = body.text;
  }
  return run(found.route, found.params, new URLSearchParams(query.join("?")), text, request, context);
}

/** Runs a route with a deadline; the signal also ends when the caller hangs up. */
async function run(
  route: Route,
  params: Record<string, string>,
  query: URLSearchParams,
  text: string,
  request: IncomingMessage,
  context: Context,
): Promise<RestReply> {
  const { backend, clock, answerTimeoutMs } = context;
  const abort = new AbortController();
  const hangUp = () => abort.abort(new OzError("cancelled", "the caller hung up"));
  request.socket.once("close", hangUp);
  const late = Promise.withResolvers<never>();
  const timer = clock.after(answerTimeoutMs, () => {
    const error = new OzError("timeout", `no answer after ${answerTimeoutMs / 1000} s`, {
      hint: "Is it busy? ozctl status",
    });
    abort.abort(error);
    late.reject(error);
  });
  try {
    return await Promise.race([
      route.run({ params, query, text, backend, now: clock.now(), signal: abort.signal }),
      late.promise,
    ]);
  } catch (error) {
    if (error instanceof OzError && error.code !== "internal") return replyToError(error);
    throw error;
  } finally {
    timer.cancel();
    request.socket.off("close", hangUp);
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, headers }: RestReply,
  clock: Clock,
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  // What was not read yet would be taken for the next request: answer, then hang up.
  const unread = !request.complete;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(unread ? { connection: "close" } : {}),
    ...headers,
  });
  response.end(bytes);
  if (unread) discardBody(request, clock);
}
