// JSON over node:http: bodies with a bound, answers with a length.

import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";

/** Reads a whole JSON body; 413 over `maxBytes`, 400 when it is not JSON. How long a body may take is the server's `requestTimeout`. */
export async function readJsonBody(incoming: IncomingMessage, maxBytes: number): Promise<unknown> {
  const tooBig = (): ApiError => new ApiError(413, `the body is over the limit of ${maxBytes} bytes`);
  if (Number(incoming.headers["content-length"] ?? 0) > maxBytes) throw tooBig();
  const pieces: Buffer[] = [];
  let size = 0;
  // Leaving the loop must not end the connection: the refusal goes over it.
  for await (const piece of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) throw tooBig();
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch (error) {
    throw new ApiError(400, `the body is not JSON: ${(error as Error).message}`);
  }
}

export function sendJson(
  outgoing: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendText(outgoing, status, JSON.stringify(body), "application/json", headers);
}

export function sendText(
  outgoing: ServerResponse,
  status: number,
  text: string,
  type: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  outgoing.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text), ...headers });
  outgoing.end(text);
}
