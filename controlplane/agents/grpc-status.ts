// How errors leave through grpc-js, and how one of its streams is torn down.
import type { ServerHttp2Stream } from "node:http2";
import type * as grpc from "@grpc/grpc-js";
import { errorCodes, OzError } from "#core/errors.ts";

export const strangerError = new OzError("unauthenticated", "this call needs the certificate of an agent", {
  hint: "Join the host with the line that `ozctl host invite` prints.",
});

/** An error as grpc-js wants it. */
export function statusOf(error: OzError): Partial<grpc.StatusObject> & Error {
  return Object.assign(new Error(error.message), {
    code: errorCodes[error.code].rpc as grpc.status,
    details: error.hint === "" ? error.message : `${error.message} (${error.hint})`,
  });
}

/**
 * Resets a stream although writes still wait for room. grpc-js has no call for that on the server: ending waits for the
 * reader, and a reader that hangs is just the case. So the HTTP/2 stream is looked up where 1.14 keeps it; a test watches over it.
 */
export function resetStream(call: object): void {
  let inner: unknown = call;
  for (let depth = 0; depth < 4 && typeof inner === "object" && inner !== null; depth++) {
    const {
      stream,
      nextCall,
      call: wrapped,
    } = inner as { stream?: ServerHttp2Stream; nextCall?: unknown; call?: unknown };
    if (typeof stream?.close === "function") return stream.close(resetCancel);
    inner = nextCall ?? wrapped;
  }
}

/** CANCEL of RFC 9113. */
const resetCancel = 8;
