// HTTP requests over a forwarded connection, one connection each.
import type { IncomingMessage } from "node:http";
import { OzError, toOzError } from "#core/errors.ts";
import type { Forwarder } from "./forwarder.ts";

export type ForwardRequestOptions = {
  readonly path: string;
  /** Sent as JSON with POST; without it the request is a GET. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
};

/** Sends a request; aborting the signal ends connection and answer. Throws cancelled, or unavailable when no answer begins. */
export async function requestThrough(
  forwarder: Pick<Forwarder, "connect">,
  { path, body, signal }: ForwardRequestOptions,
): Promise<IncomingMessage> {
  const stream = await forwarder.connect();
  const drop = () => stream.destroy();
  signal.addEventListener("abort", drop, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", drop));
  if (signal.aborted) drop();
  const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  // getBuiltinModule for the reason that connect-json.ts gives.
  const { request } = process.getBuiltinModule("node:http");
  return new Promise((resolve, reject) => {
    const call = request({
      createConnection: () => stream,
      method: json === undefined ? "GET" : "POST",
      path,
      headers: {
        host: "localhost",
        "user-agent": "ozctl",
        accept: "application/json, text/event-stream",
        connection: "close",
        ...(json !== undefined && { "content-type": "application/json", "content-length": json.length }),
      },
    });
    call.once("response", resolve);
    call.on("error", (error) => {
      // The stream knows better why there was no answer than HTTP does.
      const cause = stream.errored ?? error;
      if (signal.aborted) reject(new OzError("cancelled", "Ended before the answer came.", { cause }));
      else if (cause instanceof OzError) reject(cause);
      else reject(new OzError("unavailable", `No answer came: ${toOzError(cause).message}.`, { cause }));
    });
    call.end(json);
  });
}

/** The whole body as text, at most 4 MiB. */
export async function bodyText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 4 * 2 ** 20) throw new OzError("limit", "The answer is larger than 4 MiB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
