// One forwarded connection as a Duplex: what is written goes to the replica, what it says is read. Each way ends by itself.
import { Duplex } from "node:stream";
import { create } from "@bufbuild/protobuf";
import { OzError, toOzError } from "#core/errors.ts";
import {
  ForwardService,
  type ForwardServiceForwardRequest,
  ForwardServiceForwardRequestSchema,
  type ForwardStart,
  type ForwardTarget,
} from "#proto/forward_pb.ts";
import type { BidiClient } from "./bidi-client.ts";
import { sendQueue } from "./send-queue.ts";

/** Bytes of one message: encoded, it stays below 64 KiB, from where on the encoder takes twice the memory. */
const chunkBytes = 64 * 1024 - 64;

export class ForwardStream extends Duplex {
  /** Resolves with the replica that took the connection; rejects when none did. */
  readonly connected: Promise<ForwardTarget>;
  readonly #reached = Promise.withResolvers<ForwardTarget>();
  readonly #outgoing = sendQueue<ForwardServiceForwardRequest>();
  readonly #abort = new AbortController();
  #wanted: (() => void) | undefined;

  constructor(client: Pick<BidiClient, "stream">, start: ForwardStart) {
    super({ allowHalfOpen: true });
    this.connected = this.#reached.promise;
    this.connected.catch(() => {});
    // Who uses it hears of errors, or finds them in `errored`; after that nobody listens any more.
    this.on("error", () => {});
    this.#outgoing.push(create(ForwardServiceForwardRequestSchema, { message: { case: "start", value: start } }));
    void this.#receive(client);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    for (let from = 0; from < chunk.length; from += chunkBytes) {
      const value = chunk.subarray(from, from + chunkBytes);
      this.#outgoing.push(create(ForwardServiceForwardRequestSchema, { message: { case: "data", value } }));
    }
    this.#outgoing.onDrained(() => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#outgoing.end();
    done();
  }

  override _read(): void {
    this.#wanted?.();
    this.#wanted = undefined;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#abort.abort();
    this.#outgoing.end();
    this.#reached.reject(error ?? new OzError("cancelled", "the connection was given up"));
    this._read();
    done(error);
  }

  async #receive(client: Pick<BidiClient, "stream">): Promise<void> {
    let ended = false;
    try {
      for await (const { message } of client.stream(
        ForwardService.method.forward,
        this.#outgoing,
        this.#abort.signal,
      )) {
        if (message.case === "connected") this.#reached.resolve(message.value);
        // What nobody reads yet is not asked for.
        if (message.case === "data" && !this.push(message.value) && !this.destroyed)
          await new Promise<void>((resolve) => (this.#wanted = resolve));
        if (message.case === "dataClosed") {
          ended = true;
          this.push(null);
        }
      }
      if (!ended) this.push(null);
    } catch (error) {
      if (!this.destroyed) this.destroy(toOzError(error));
    }
  }
}
