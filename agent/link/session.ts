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
import type { AgentChannel, ChannelEnd } from "./channel.ts";
import { LinkStream } from "./link-stream.ts";
import { type LinkEvent, type LinkState, nextLinkState } from "./link-state.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { type Keepalive, type LinkIdentity, type LinkTransport, openTransport } from "./transport.ts";

export type LinkOptions = {
  readonly identity: LinkIdentity;
  /** Control plane: "https://10.0.0.5:7443". */
  readonly address: string;
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  random(): number;
  readonly log: Log;
  /** Made anew for every stream; it must bound its own time. */
  hello(): Promise<Hello>;
  /** Every Welcome, renewed ones too: periods and history are in it. Throwing refuses it. */
  onWelcome(welcome: Welcome): void | Promise<void>;
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
  /** Changes are told together within this time. Default 100. */
  readonly coalesceMs?: number;
};

/** What a stream needs of the link. */
export type LinkDeps = Pick<LinkOptions, "clock" | "log" | "onWelcome" | "onAssignment" | "onOpenChannel"> & {
  readonly outbox: Outbox;
  readonly coalesceMs: number;
  readonly connectMs: number;
  pictureComplete(): boolean;
  welcomed(welcome: Welcome): void;
  explain(error: grpc.ServiceError): string;
};

export type AgentLink = {
  /** What changed, and of which replicas nothing is left. Sent within 100 ms when connected, else after the next Welcome. */
  report(changed: readonly Observed[], gone: readonly string[]): void;
  telemetry(sample: Telemetry): void;
  inventory(inventory: Inventory): void;
  state(): LinkState;
  /** Throws unavailable when there is no stream. */
  renewCertificate(csrPem: string, signal: AbortSignal): Promise<RenewCertificateResponse>;
  /** Uses another key and certificate from now on: reconnects at once. */
  setIdentity(identity: LinkIdentity): void;
  /** Ends the link for good. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** Closed reasons after which an immediate return would only make it worse. */
const patientReasons = new Set(["superseded", "quarantined", "revoked", "fenced"]);

export function startLink(options: LinkOptions): AgentLink {
  const { clock, log, connectMs = 20_000, coalesceMs = 100, pictureComplete = () => true } = options;
  const outbox = createOutbox();
  const stop = new AbortController();
  let identity = options.identity;
  let state: LinkState = { state: "closed", since: clock.now(), reason: "not started" };
  let stream: LinkStream | undefined;
  let transport: LinkTransport | undefined;

  function step(event: LinkEvent): void {
    const next = nextLinkState(state, event, clock.now());
    if (next === state) return;
    state = next;
    options.onState?.(state);
  }

  const deps: LinkDeps = {
    ...{ clock, log, outbox, coalesceMs, connectMs, pictureComplete: () => pictureComplete() },
    onWelcome: (welcome) => options.onWelcome(welcome),
    onAssignment: (assignment, welcome) => options.onAssignment(assignment, welcome),
    onOpenChannel: (request, channel) => options.onOpenChannel(request, channel),
    welcomed: (welcome) => step({ event: "welcomed", welcome }),
    explain: (error) => explain(error, identity, clock.now()),
  };

  /** One attempt, from Hello to the end of its stream. */
  async function attempt(): Promise<{ reason: string; closed: string }> {
    outbox.rewind();
    const hello = await options.hello();
    outbox.seed(hello.observed, pictureComplete());
    if (stop.signal.aborted) return { reason: "the agent stops", closed: "" };
    transport = openTransport(identity, options.address, options.keepalive);
    stream = new LinkStream(deps, transport);
    stream.greet(hello);
    return stream.done;
  }

  async function run(): Promise<void> {
    step({ event: "start" });
    while (!stop.signal.aborted) {
      const { reason, closed } = await attempt().catch((error: unknown) => ({
        reason: toOzError(error).message,
        closed: "",
      }));
      stream = transport = undefined;
      if (stop.signal.aborted) break;
      if (closed !== "") options.onClosed?.(closed, reason);
      step({ event: "lost", reason, patient: patientReasons.has(closed), random: options.random() });
      if (state.state !== "backoff") break;
      log.warn(
        { reason, waitMs: state.until - clock.now() },
        "the link to the control plane is down; containers keep running",
      );
      await sleep(clock, state.until - clock.now(), stop.signal);
      step({ event: "wake" });
    }
    step({ event: "stop", reason: "the agent stops" });
  }
  const running = run();

  return {
    report(changed, gone) {
      outbox.put(changed, gone);
      stream?.tellSoon();
    },
    telemetry(sample) {
      outbox.setTelemetry(sample);
      stream?.tellSoon();
    },
    inventory(inventory) {
      outbox.setInventory(inventory);
      stream?.tellSoon();
    },
    state: () => state,
    async renewCertificate(csrPem, signal) {
      if (transport === undefined || state.state !== "ready")
        throw new OzError("unavailable", "the control plane is not connected");
      return transport.renew(csrPem, signal);
    },
    setIdentity(next) {
      identity = next;
      stream?.end("the certificate was renewed");
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      stream?.end("the agent stops");
      await running;
    },
  };
}

/** Why a stream failed, for people. */
function explain(error: grpc.ServiceError, identity: LinkIdentity, now: number): string {
  const endsAt = new X509Certificate(identity.certPem).validToDate.getTime();
  if (endsAt <= now) {
    return `the certificate of this host ended on ${new Date(endsAt).toISOString()}; join again with a new token: ozctl host invite`;
  }
  // A stranger meets the API, which does not know these calls.
  if (error.code === grpc.status.UNIMPLEMENTED) {
    return "the control plane does not know this host any more: its certificate was revoked, or is of another cluster";
  }
  return error.details || error.message;
}
