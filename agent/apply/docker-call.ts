// Every call to Docker goes through here: a deadline, a signal, and errors in our words. dockerode itself waits forever.
import type { Readable } from "node:stream";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { formatDuration } from "#core/units.ts";
import Docker from "dockerode";
import http from "node:http";
import { inspect } from "node:util";
import { dockerError, type ErrorContext } from "./docker-errors.ts";

/** How long a call may take, in milliseconds. */
export const callTimeoutsMs = { usual: 10_000, create: 30_000, start: 30_000, stopBeyondGrace: 10_000 } as const;

export type DockerStream = { readonly stream: Readable; close(): void };

export type DockerCalls = {
  readonly docker: Docker;
  readonly clock: Clock;
  /** Runs one call. fn has to hand the signal on as `abortSignal`, so that the request ends with it. Default timeout 10 s. */
  call<T>(context: ErrorContext, fn: (abortSignal: AbortSignal) => Promise<T>, timeoutMs?: number): Promise<T>;
  /**
   * Opens a stream. The timeout counts until its first byte may come; from then on it lives until `signal` aborts, `close()`,
   * or its own end.
   */
  open(context: ErrorContext, signal: AbortSignal, request: StreamRequest): Promise<DockerStream>;
};

export type StreamRequest = {
  readonly method: "GET" | "POST";
  /** Path without a query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | boolean>>;
  /** For pulls. */
  readonly login?: object;
  /** Longest wait for the answer to begin, in milliseconds. Default 10 s. */
  readonly timeoutMs?: number;
};

/** socketPath: Docker's Unix socket. The environment (DOCKER_HOST) is not asked: an agent serves its own host. */
export function createDockerCalls(socketPath: string, clock: Clock): DockerCalls {
  const agent = new ShortAgent({ keepAlive: true });
  // `host: undefined` keeps DOCKER_HOST out; the types do not know that docker-modem takes an agent.
  const options = { socketPath, host: undefined, protocol: "http", agent } as unknown as Docker.DockerOptions;
  const docker = new Docker(options);
  return {
    docker,
    clock,
    call: (context, fn, timeoutMs = callTimeoutsMs.usual) => withDeadline(clock, context, timeoutMs, fn),
    open: (context, signal, request) => openStream(docker, clock, context, signal, request),
  };
}

/** docker-modem writes out the options of each call, its log on or off; in full an agent is every socket: megabytes and milliseconds a call. */
class ShortAgent extends http.Agent {
  [inspect.custom](): string {
    return "http.Agent";
  }
}

async function withDeadline<T>(
  clock: Clock,
  context: ErrorContext,
  timeoutMs: number,
  fn: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const expired = Promise.withResolvers<never>();
  const timer = clock.after(timeoutMs, () => {
    expired.reject(deadlineError(context, timeoutMs));
    controller.abort();
  });
  const work = fn(controller.signal);
  // The loser of the race may still fail; nobody waits for it any more.
  work.catch(() => {});
  try {
    return await Promise.race([work, expired.promise]);
  } catch (thrown) {
    throw dockerError(thrown, context);
  } finally {
    timer.cancel();
  }
}

async function openStream(
  docker: Docker,
  clock: Clock,
  context: ErrorContext,
  signal: AbortSignal,
  request: StreamRequest,
): Promise<DockerStream> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (signal.aborted) throw new OzError("cancelled", `Was told to stop before it could ${context.doing}.`);
  signal.addEventListener("abort", abort, { once: true });
  const release = () => signal.removeEventListener("abort", abort);
  try {
    const stream = await withDeadline(clock, context, request.timeoutMs ?? callTimeoutsMs.usual, (deadline) => {
      deadline.addEventListener("abort", abort, { once: true });
      return dial(docker, request, controller.signal);
    });
    // Without a listener an abort while nobody reads would be an uncaught error.
    stream.on("error", () => {});
    stream.once("close", release);
    return {
      stream,
      close() {
        release();
        stream.destroy();
        controller.abort();
      },
    };
  } catch (thrown) {
    release();
    if (signal.aborted)
      throw new OzError("cancelled", `Was told to stop before it could ${context.doing}.`, { cause: thrown });
    throw thrown;
  }
}

/** dockerode reads logs into memory unless they are followed; its modem hands out the stream itself. */
function dial(docker: Docker, request: StreamRequest, abortSignal: AbortSignal): Promise<Readable> {
  const statusCodes = { 200: true, 400: "bad parameter", 404: "not found", 409: "conflict", 500: "server error" };
  const query = Object.fromEntries(Object.entries(request.query).map(([key, value]) => [key, String(value)]));
  const path = `${request.path}?${new URLSearchParams(query).toString()}&`;
  const options = { path, method: request.method, isStream: true, abortSignal, statusCodes, authconfig: request.login };
  return new Promise((resolve, reject) => {
    docker.modem.dial(options, (error: unknown, data: unknown) => (error ? reject(error) : resolve(data as Readable)));
  });
}

function deadlineError(context: ErrorContext, timeoutMs: number): OzError {
  return new OzError("timeout", `The container engine did not ${context.doing} within ${formatDuration(timeoutMs)}.`, {
    hint: "Does it answer at all? Try: docker ps. A full disk or a hung engine look like this.",
  });
}
