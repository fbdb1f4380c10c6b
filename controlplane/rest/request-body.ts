// Reads a request body: at most so many bytes, and at most so long. A slow sender must not hold a connection for ever.
import type { IncomingMessage } from "node:http";
import type { Clock } from "#core/clock.ts";

export type BodyLimits = {
  /** Default of the interface: 1 MiB. */
  readonly maxBytes: number;
  /** Milliseconds from the first look at the body to its last byte. Default of the interface: 10,000. */
  readonly timeoutMs: number;
};

export type Body = { kind: "text"; text: string } | { kind: "too-large" } | { kind: "too-slow" } | { kind: "gone" };

export function readBody(request: IncomingMessage, limits: BodyLimits, clock: Clock): Promise<Body> {
  if (Number(request.headers["content-length"] ?? 0) > limits.maxBytes) return Promise.resolve({ kind: "too-large" });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = clock.after(limits.timeoutMs, () => done({ kind: "too-slow" }));
    function done(body: Body): void {
      timer.cancel();
      request.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
      resolve(body);
    }
    function onData(chunk: Buffer): void {
      size += chunk.length;
      if (size > limits.maxBytes) return done({ kind: "too-large" });
      chunks.push(chunk);
    }
    function onEnd(): void {
      done({ kind: "text", text: Buffer.concat(chunks).toString("utf8") });
    }
    function onGone(): void {
      done({ kind: "gone" });
    }
    request.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
  });
}

/** Throws away what is still to come for a moment, so that the sender can read the answer, then hangs up. */
export function discardBody(request: IncomingMessage, clock: Clock): void {
  if (request.complete) return;
  request.on("error", () => {});
  request.resume();
  const timer = clock.after(2_000, () => request.destroy());
  request.once("close", () => timer.cancel());
}
