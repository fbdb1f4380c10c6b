// AgentLinkService on grpc-js: turns streams into sessions of the hub. Who calls is known from the certificate only.
import type { PeerCertificate } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { create } from "@bufbuild/protobuf";
import {
  AgentLinkService,
  type LinkRequest,
  type LinkResponse,
  LinkResponseSchema,
  type RenewCertificateRequest,
  type RenewCertificateResponse,
  RenewCertificateResponseSchema,
} from "#proto/agent_pb.ts";
import type { Clock } from "#core/clock.ts";
import { OzError, toOzError } from "#core/errors.ts";
import { grpcService } from "#core/grpc-service.ts";
import type { Log } from "#core/log.ts";
import { certifiedName } from "../pki/agent-identity.ts";
import type { AgentSession, ClosedReason } from "./agent-session.ts";
import { type ChannelCall, serveChannel } from "./channel-stream.ts";
import { statusOf, strangerError } from "./grpc-status.ts";
import type { LinkIntake } from "./link-intake.ts";
import { createSendQueue } from "./send-queue.ts";

export type LinkServerOptions = {
  readonly intake: LinkIntake;
  /** Host of a client certificate that the TLS layer has verified; undefined for any other certificate. */
  agentIdentity(certificate: PeerCertificate): { readonly hostId: string } | undefined;
  /** Signs a new key for a host. */
  renew(hostId: string, csrPem: string): Promise<{ readonly certificatePem: string; readonly caPem: string }>;
  readonly clock: Clock;
  readonly log: Log;
  /** Pings in milliseconds: a stream whose other end does not answer is dropped after time + timeout. Default 10,000 and 5,000. */
  readonly keepalive?: { readonly timeMs: number; readonly timeoutMs: number };
  /** How long a stream may take for its first message. Default 10,000. */
  readonly firstMessageMs?: number;
};

/** The gRPC server for agents. It listens nowhere: the TLS port hands it sockets. */
export function createLinkServer(options: LinkServerOptions): grpc.Server {
  const { timeMs, timeoutMs } = options.keepalive ?? { timeMs: 10_000, timeoutMs: 5_000 };
  const server = new grpc.Server({
    "grpc.keepalive_time_ms": timeMs,
    "grpc.keepalive_timeout_ms": timeoutMs,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": 16 * 2 ** 20,
    // Above all that an agent carries (agent/link/link-stream.ts) and its link: what is beyond this waits there without a word.
    "grpc.max_concurrent_streams": 1024,
    // A link always has its stream. An attempt that an agent gave up may connect once more, and nobody there would close that.
    "grpc.max_connection_idle_ms": 30_000,
  });
  server.addService(grpcService(AgentLinkService) as unknown as grpc.ServiceDefinition, {
    link: (call: LinkCall) => void serveLink(call, options),
    channel: (call: ChannelCall) => void serveChannel(call, { ...options, hostId: hostOf(call, options) }),
    renewCertificate: (call: RenewCall, callback: grpc.sendUnaryData<RenewCertificateResponse>) =>
      void serveRenewal(call, callback, options),
  });
  return server;
}

type LinkCall = grpc.ServerDuplexStream<LinkRequest, LinkResponse>;
type RenewCall = grpc.ServerUnaryCall<RenewCertificateRequest, RenewCertificateResponse>;

function hostOf(
  call: { getAuthContext(): { sslPeerCertificate?: PeerCertificate } },
  options: LinkServerOptions,
): string | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  return certificate === undefined ? undefined : options.agentIdentity(certificate)?.hostId;
}

async function serveLink(call: LinkCall, options: LinkServerOptions): Promise<void> {
  const { intake, clock, log } = options;
  // Ends the stream with a status; errors of a stream that is gone already are of no interest.
  const fail = (error: OzError) => void (call.destroyed || call.emit("error", statusOf(error)));
  call.on("error", (error) => log.debug({ err: error }, "a link stream ended with an error"));
  const hostId = hostOf(call, options);
  if (hostId === undefined) return fail(strangerError);
  const session = createSession(call, hostId, fail, options);
  call.once("close", () => intake.ended(session));
  const { firstMessageMs = 10_000 } = options;
  const patience = clock.after(firstMessageMs, () =>
    fail(new OzError("timeout", `no Hello came within ${firstMessageMs} ms`)),
  );
  let greeted = false;
  try {
    // One message at a time: while one is worked on, the stream's window holds the agent back.
    // Leaving the loop must not destroy the stream: then the reason would never be sent.
    for await (const { message } of call.iterator({ destroyOnReturn: false }) as AsyncIterable<LinkRequest>) {
      patience.cancel();
      if (greeted) {
        intake.receive(session, message);
      } else if (message.case === "hello") {
        await intake.hello(session, message.value);
        greeted = true;
      } else {
        throw new OzError("bad_request", `the first message of a stream is Hello, not ${message.case ?? "nothing"}`);
      }
    }
    call.end();
  } catch (error) {
    if (!call.cancelled && !call.destroyed) fail(toOzError(error));
  } finally {
    patience.cancel();
    intake.ended(session);
  }
}

function createSession(
  call: LinkCall,
  hostId: string,
  fail: (error: OzError) => void,
  options: LinkServerOptions,
): AgentSession {
  const queue = createSendQueue<LinkResponse>({
    sink: call,
    clock: options.clock,
    kind: ({ message }) => (message.case === "openChannel" ? undefined : message.case),
    tooSlow: (error) => {
      options.log.warn({ hostId, err: error }, "an agent reads too slowly; its stream is dropped");
      fail(error);
    },
  });
  call.once("close", queue.close);
  return {
    hostId,
    certifiedName: certifiedName(call.getAuthContext().sslPeerCertificate),
    address: addressOf(call.getPeer()),
    send: (message) => queue.push(message),
    close(reason: ClosedReason, message: string) {
      queue.push(create(LinkResponseSchema, { message: { case: "closed", value: { reason, message } } }));
      queue.flushed(() => {
        queue.close();
        call.end();
      });
    },
    abort(error) {
      queue.close();
      fail(error);
    },
  };
}

/** "10.0.0.5:40112" and "::ffff:10.0.0.5:40112" as "10.0.0.5". */
export function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, "").replace(/^::ffff:/, "");
}

async function serveRenewal(
  call: RenewCall,
  callback: grpc.sendUnaryData<RenewCertificateResponse>,
  options: LinkServerOptions,
): Promise<void> {
  const hostId = hostOf(call, options);
  try {
    if (hostId === undefined) throw strangerError;
    callback(null, create(RenewCertificateResponseSchema, await options.renew(hostId, call.request.csrPem)));
  } catch (error) {
    options.log.warn({ hostId, err: error }, "a certificate could not be renewed");
    callback(statusOf(toOzError(error)));
  }
}
