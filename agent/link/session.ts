// The agent's link: dials, says Hello, stays, and dials again. One stream at a time (link-stream.ts); the states are in link-state.ts.
import { X509Certificate } from "node:crypto";
import * as grpc from "@grpc/grpc-js";
import type {
  Assignment,
  AssignmentResult,
  Hello,
  OpenChannel,
  RenewCertificateResponse,
  Welcome,
} from "#proto/agent_pb.ts";
import type { Inventory, Telemetry } from "#proto/inventory_pb.ts";
import type { Observed } from "#proto/replicas_pb.ts";
import { type Clock, sleep } from "#core/clock.ts";
import { OzError, toOzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { unlessAborted } from "#core/unless-aborted.ts";
import type { AgentChannel, ChannelEnd } from "./channel.ts";
import { LinkStream, type StreamEnd } from "./link-stream.ts";
import { type LinkEvent, type LinkState, nextLinkState } from "./link-state.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { parseControlAddress } from "#core/control-address.ts";
import { reachWords, silenceWords } from "./reach-trouble.ts";
import { type Keepalive, type LinkIdentity, type LinkTransport, openTransport } from "./transport.ts";

export type LinkOptions = {
  readonly identity: LinkIdentity;
  /** Addresses of the control plane ("https://10.0.0.5:7443") in the order in which they are dialled; the next one after each failure. */
  addresses(): readonly [string, ...string[]];
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  random(): number;
  readonly log: Log;
  /** Made anew for every stream; it must bound its own time. Not waited for when the link ends. */
  hello(): Promise<Hello>;
  /** Every Welcome, renewed ones too: periods and history are in it. dialed: address it came from. Throwing refuses it. */
  onWelcome(welcome: Welcome, dialed: string): void | Promise<void>;
  /** One at a time, newest first; welcome is the one of the stream that brought it. Must bound its own time; throwing is "not accepted". */
  onAssignment(assignment: Assignment, welcome: Welcome): Promise<AssignmentResult>;
  /** Serves a log or a command; what it throws is told to whoever asked. */
  onOpenChannel(request: OpenChannel["request"], channel: AgentChannel): Promise<ChannelEnd | void>;
  /** After every change of state. */
  onState?(state: LinkState): void;
  /** The control plane ended the stream with a word: "superseded", "quarantined", "revoked", "fenced", "shutdown". */
  onClosed?(reason: string, message: string): void;
  /** False while the host could not be looked at: then no report claims to be full. Default: always true. */
  pictureComplete?(): boolean;
  readonly keepalive?: Keepalive;
  /** From dialling to Welcome, in milliseconds. Default 20,000. It is above the time that the control plane may take to tell a clone. */
  readonly connectMs?: number;
  /** The first few changes are told at once, many in a row together within this time in milliseconds. Default 100. */
  readonly coalesceMs?: number;
};

/** What a stream needs of the link. */
export type LinkDeps = Pick<LinkOptions, "clock" | "onAssignment" | "onOpenChannel"> & {
  onWelcome(welcome: Welcome): void | Promise<void>;
  readonly outbox: Outbox;
  readonly coalesceMs: number;
  readonly connectMs: number;
  pictureComplete(): boolean;
  welcomed(welcome: Welcome): void;
  explain(error: grpc.ServiceError): string;
};

export type AgentLink = {
  /** What changed, and of which replicas nothing is left. Sent at once, many in a row every 100 ms, when connected, else after the next Welcome. */
  report(changed: readonly Observed[], gone: readonly string[]): void;
  telemetry(sample: Telemetry): void;
  inventory(inventory: Inventory): void;
  state(): LinkState;
  /** Address of the control plane that was dialled last. */
  dialed(): string;
  /** Ends the present stream and dials anew, at the first of the addresses. */
  redial(reason: string): void;
  /** Tells what came of trying another address; problem is empty when none is better. Nothing is said without a stream. */
  addressTried(address: string, problem: string): void;
  /** Throws unavailable when there is no stream. */
  renewCertificate(csrPem: string, signal: AbortSignal): Promise<RenewCertificateResponse>;
  /** Uses another key and certificate from now on: reconnects at once. */
  setIdentity(identity: LinkIdentity): void;
  /** Ends the link for good. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** Closed reasons after which an immediate return would only make it worse. */
const patientReasons = new Set(["superseded", "quarantined", "revoked", "fenced"]);

/** Different reasons that are told while there is no link. */
const mostTold = 100;

/** Starts dialling; it goes on until the link is disposed. */
export function startLink(options: LinkOptions): AgentLink {
  return new Link(options);
}

class Link implements AgentLink {
  readonly #options: LinkOptions;
  readonly #outbox = createOutbox();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #identity: LinkIdentity;
  #state: LinkState;
  #stream: LinkStream | undefined;
  #transport: LinkTransport | undefined;
  #dialed: string;
  /** Attempts without a Welcome since the last one: which address is next. */
  #misses = 0;
  readonly #told = new Set<string>();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#dialed = options.addresses()[0];
    this.#state = { state: "closed", since: options.clock.now(), reason: "not started" };
    this.#running = this.#run();
  }

  report(changed: readonly Observed[], gone: readonly string[]): void {
    this.#outbox.put(changed, gone);
    this.#stream?.tellSoon();
  }

  telemetry(sample: Telemetry): void {
    this.#outbox.setTelemetry(sample);
    this.#stream?.tellSoon();
  }

  inventory(inventory: Inventory): void {
    this.#outbox.setInventory(inventory);
    this.#stream?.tellSoon();
  }

  state(): LinkState {
    return this.#state;
  }

  dialed(): string {
    return this.#dialed;
  }

  redial(reason: string): void {
    this.#stream?.end(reason);
  }

  addressTried(address: string, problem: string): void {
    this.#stream?.addressTried(address, problem);
  }

  async renewCertificate(csrPem: string, signal: AbortSignal): Promise<RenewCertificateResponse> {
    if (this.#transport !== undefined && this.#state.state === "ready") return this.#transport.renew(csrPem, signal);
    throw new OzError("unavailable", "the control plane is not connected", {
      hint: "The agent tries again by itself.",
    });
  }

  setIdentity(identity: LinkIdentity): void {
    this.#identity = identity;
    this.#stream?.end("the certificate was renewed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#stream?.end("the agent stops");
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random, onClosed } = this.#options;
    const { signal } = this.#stop;
    this.#step({ event: "start" });
    while (!signal.aborted) {
      const { reason, closed } = await this.#attempt().then(this.#tellApart, failed);
      this.#stream = this.#transport = undefined;
      if (signal.aborted) break;
      if (closed !== "") onClosed?.(closed, reason);
      this.#misses = this.#state.state === "ready" ? 0 : this.#misses + 1;
      this.#step({ event: "lost", reason, patient: patientReasons.has(closed), random: random() });
      if (this.#state.state !== "backoff") break;
      const waitMs = this.#state.until - clock.now();
      this.#tell(reason, waitMs);
      await sleep(clock, waitMs, signal);
      this.#step({ event: "wake" });
    }
    this.#step({ event: "stop", reason: "the agent stops" });
  }

  /** One attempt, from Hello to the end of its stream. */
  async #attempt(): Promise<StreamEnd> {
    const { hello, addresses, keepalive, pictureComplete = always } = this.#options;
    const all = addresses();
    const address = all[this.#misses % all.length] ?? all[0];
    this.#dialed = address;
    this.#outbox.rewind();
    const said = await unlessAborted(hello(), this.#stop.signal);
    said.dialedAddress = address;
    this.#outbox.seed(said.observed, pictureComplete());
    if (this.#stop.signal.aborted) return { reason: "the agent stops", closed: "" };
    this.#transport = openTransport(this.#identity, address, keepalive);
    this.#stream = new LinkStream(this.#deps(), this.#transport);
    this.#stream.greet(said);
    return this.#stream.done;
  }

  /** Before the first word, a silence may be of the network or of the control plane. */
  readonly #tellApart = async (end: StreamEnd): Promise<StreamEnd> => {
    if (end.silentMs === undefined || this.#stop.signal.aborted) return end;
    const { host, port } = parseControlAddress(this.#dialed);
    return {
      closed: end.closed,
      reason: await unlessAborted(silenceWords(host, port, end.silentMs), this.#stop.signal),
    };
  };

  #deps(): LinkDeps {
    const { clock, connectMs = 20_000, coalesceMs = 100, pictureComplete = always, ...options } = this.#options;
    const identity = this.#identity;
    const dialed = this.#dialed;
    return {
      ...{ clock, connectMs, coalesceMs, outbox: this.#outbox },
      pictureComplete: () => pictureComplete(),
      onWelcome: (welcome) => options.onWelcome(welcome, dialed),
      onAssignment: (assignment, welcome) => options.onAssignment(assignment, welcome),
      onOpenChannel: (request, channel) => options.onOpenChannel(request, channel),
      welcomed: (welcome) => this.#step({ event: "welcomed", welcome }),
      explain: (error) => explain(error, identity, clock.now()),
    };
  }

  #step(event: LinkEvent): void {
    const next = nextLinkState(this.#state, event, this.#options.clock.now());
    if (next === this.#state) return;
    if (next.state === "ready") this.#told.clear();
    this.#state = next;
    this.#options.onState?.(next);
  }

  /** Each reason once; a control plane that is away for a night is one line. */
  #tell(reason: string, waitMs: number): void {
    const { log } = this.#options;
    const address = this.#dialed;
    const write = this.#told.has(address + reason) ? "debug" : "warn";
    if (this.#told.size < mostTold) this.#told.add(address + reason);
    log[write]({ reason, address, waitMs }, "no link to the control plane; containers keep running, trying again");
  }
}

function failed(error: unknown): StreamEnd {
  return { reason: toOzError(error).message, closed: "" };
}

function always(): boolean {
  return true;
}

/** Why a stream failed, for people. */
function explain(error: grpc.ServiceError, identity: LinkIdentity, now: number): string {
  const endsAt = new X509Certificate(identity.certPem).validToDate.getTime();
  if (endsAt <= now) {
    return `token: the certificate of this host ended on ${new Date(endsAt).toISOString()}; join again with a new token: ozctl host invite`;
  }
  // A stranger meets the API, which does not know these calls.
  if (error.code === grpc.status.UNIMPLEMENTED) {
    return "token: the control plane does not know this host any more: its certificate was revoked, or is of another cluster";
  }
  return reachWords(error.details || error.message);
}
