// One stream from Hello to its end: sends reports and heartbeats, hands on what comes, and notices silence.
import type * as grpc from "@grpc/grpc-js";
import { create } from "@bufbuild/protobuf";
import {
  type Assignment,
  AssignmentResultSchema,
  type LinkRequest,
  LinkRequestSchema,
  type LinkResponse,
  type OpenChannel,
  type Welcome,
} from "#proto/agent_pb.ts";
import type { Timer } from "#core/clock.ts";
import { OzError, toOzError } from "#core/errors.ts";
import { createPace, type Pace } from "#core/pace.ts";
import { runChannel } from "./channel.ts";
import type { LinkDeps } from "./session.ts";
import type { LinkCall, LinkTransport } from "./transport.ts";

/** How a stream ended. closed is the word of the control plane, when it gave one. */
export type StreamEnd = {
  readonly reason: string;
  readonly closed: string;
  /** Set when nothing at all was heard for so many milliseconds. */
  readonly silentMs?: number;
};

/** Channels at the same time; more are refused. Connections have a count of their own, so that they keep nobody from a log. */
const most = { "logs and commands": 64, connections: 512 };
type ChannelKind = keyof typeof most;

export class LinkStream {
  readonly #deps: LinkDeps;
  readonly #transport: LinkTransport;
  readonly #call: LinkCall;
  readonly #done = Promise.withResolvers<StreamEnd>();
  readonly #timers = new Map<"silence" | "heartbeat" | "flush", Timer>();
  #welcome: Welcome | undefined;
  #accepting: Promise<unknown> = Promise.resolve();
  #assignment: Assignment | undefined;
  #assigning = false;
  #blocked = false;
  #ended = false;
  readonly #channels: Record<ChannelKind, number> = { "logs and commands": 0, connections: 0 };
  readonly #pace: Pace;

  constructor(deps: LinkDeps, transport: LinkTransport) {
    this.#deps = deps;
    this.#pace = createPace(deps.clock, deps.coalesceMs);
    this.#transport = transport;
    this.#call = transport.link();
    this.#call.on("data", (message: LinkResponse) => this.#receive(message));
    this.#call.on("error", (error: grpc.ServiceError) => this.#end(deps.explain(error)));
    this.#call.on("end", () => this.#end("the control plane ended the stream"));
    this.#call.on("drain", () => this.#unblock());
    this.#expectWord(deps.connectMs);
  }

  /** Resolves when the stream is over. */
  get done(): Promise<StreamEnd> {
    return this.#done.promise;
  }

  /** Says Hello. */
  greet(hello: Extract<LinkRequest["message"], { case: "hello" }>["value"]): void {
    this.#write({ case: "hello", value: hello });
  }

  /** Tells what changed: the first few times at once, then together within the coalescing time. */
  tellSoon(): void {
    if (this.#welcome === undefined || this.#ended || this.#timers.has("flush")) return;
    this.#set("flush", this.#pace.delayMs(), () => this.#flush());
  }

  /** Tells what came of trying another address. */
  addressTried(address: string, problem: string): void {
    if (this.#welcome === undefined) return;
    this.#write({ case: "addressTried", value: { $typeName: "ozwald.v1.AddressTried", address, problem } });
  }

  end(reason: string): void {
    this.#end(reason);
  }

  #end(reason: string, closed = "", silentMs?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#call.cancel();
    this.#transport.close();
    this.#done.resolve({ reason, closed, ...(silentMs !== undefined && { silentMs }) });
  }

  #set(name: "silence" | "heartbeat" | "flush", delayMs: number, fn: () => void): void {
    this.#timers.get(name)?.cancel();
    const run = () => {
      this.#timers.delete(name);
      fn();
    };
    this.#timers.set(name, this.#deps.clock.after(delayMs, run));
  }

  #expectWord(limitMs: number): void {
    const reason = `the control plane said nothing for ${limitMs} ms`;
    this.#set("silence", limitMs, () => this.#end(reason, "", this.#welcome === undefined ? limitMs : undefined));
  }

  #write(message: LinkRequest["message"]): void {
    if (this.#ended) return;
    if (!this.#call.write(create(LinkRequestSchema, { message }))) this.#blocked = true;
    if (this.#welcome === undefined) return;
    this.#set("heartbeat", Number(this.#welcome.heartbeatMs), () => this.#heartbeat());
  }

  #heartbeat(): void {
    // A blocked stream says nothing new; whether it is dead is for the pings and the silence to find out.
    if (this.#blocked) this.#set("heartbeat", Number(this.#welcome?.heartbeatMs ?? 5_000n), () => this.#heartbeat());
    else this.#write({ case: "heartbeat", value: { $typeName: "ozwald.v1.Heartbeat" } });
  }

  #unblock(): void {
    this.#blocked = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#welcome === undefined || this.#blocked || this.#ended) return;
    const report = this.#deps.outbox.next(this.#deps.pictureComplete());
    if (report === undefined) return;
    this.#pace.told();
    this.#write({ case: "report", value: report });
  }

  #receive({ message }: LinkResponse): void {
    if (this.#ended) return;
    if (this.#welcome !== undefined) this.#expectWord(3 * Number(this.#welcome.heartbeatMs));
    switch (message.case) {
      case "welcome":
        this.#accepting = this.#accepting.then(() => this.#accept(message.value));
        return;
      case "assignment":
        this.#assignment = message.value;
        void this.#accepting.then(() => this.#assign());
        return;
      case "reportAck":
        this.#deps.outbox.acknowledged(message.value.sequence);
        return this.tellSoon();
      case "openChannel":
        return void this.#openChannel(message.value);
      case "closed":
        return this.#end(message.value.message || message.value.reason, message.value.reason);
      case undefined:
        // A newer control plane may say more than this version knows.
        return;
    }
  }

  async #accept(welcome: Welcome): Promise<void> {
    try {
      await this.#deps.onWelcome(welcome);
    } catch (error) {
      return this.#end(`the welcome was not accepted: ${toOzError(error).message}`);
    }
    if (this.#ended) return;
    this.#welcome = welcome;
    this.#expectWord(3 * Number(welcome.heartbeatMs));
    this.#set("heartbeat", Number(welcome.heartbeatMs), () => this.#heartbeat());
    this.#deps.welcomed(welcome);
    this.#flush();
  }

  /** One at a time, and only the newest of those that wait. */
  async #assign(): Promise<void> {
    if (this.#assigning || this.#welcome === undefined) return;
    this.#assigning = true;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      const { revision } = next;
      const result = await this.#deps.onAssignment(next, this.#welcome).catch((error: unknown) => {
        const { message, hint } = toOzError(error);
        return create(AssignmentResultSchema, { revision, accepted: false, reason: `${message}. ${hint}`.trim() });
      });
      this.#write({ case: "assignmentResult", value: result });
    }
    this.#assigning = false;
  }

  #take(): Assignment | undefined {
    const next = this.#ended ? undefined : this.#assignment;
    this.#assignment = undefined;
    return next;
  }

  async #openChannel({ channelId, request }: OpenChannel): Promise<void> {
    const kind: ChannelKind = request.case === "forward" ? "connections" : "logs and commands";
    this.#channels[kind] += 1;
    const busy = this.#channels[kind] > most[kind];
    await runChannel(this.#transport.channel(), channelId, async (channel) => {
      if (busy)
        throw new OzError("limit", `this host serves ${most[kind]} ${kind} already`, {
          hint: "End some of them and try again.",
        });
      return this.#deps.onOpenChannel(request, channel);
    });
    this.#channels[kind] -= 1;
  }
}
