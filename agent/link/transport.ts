// One connection to the control plane: mutual TLS, pings, no retries of its own. Each attempt gets a new one, so that the
// only waits between attempts are ours.
import { isIP } from "node:net";
import tls from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { create } from "@bufbuild/protobuf";
import {
  AgentLinkService,
  type ChannelRequest,
  type ChannelResponse,
  type LinkRequest,
  type LinkResponse,
  RenewCertificateRequestSchema,
  type RenewCertificateResponse,
} from "#proto/agent_pb.ts";
import { OzError } from "#core/errors.ts";
import { grpcService } from "#core/grpc-service.ts";
import { parseControlAddress } from "#core/control-address.ts";
import type { HostIdentity } from "./identity-files.ts";

export type LinkIdentity = Pick<HostIdentity, "hostId" | "keyPem" | "certPem" | "caPem">;

/** Pings in milliseconds: a connection whose other end does not answer is dropped after time + timeout. Default 10,000 and 5,000. */
export type Keepalive = { readonly timeMs: number; readonly timeoutMs: number };

export type LinkCall = grpc.ClientDuplexStream<LinkRequest, LinkResponse>;
export type ChannelCall = grpc.ClientDuplexStream<ChannelRequest, ChannelResponse>;

export type LinkTransport = {
  link(): LinkCall;
  channel(): ChannelCall;
  /** Throws OzError; limited to 15 s. */
  renew(csrPem: string, signal: AbortSignal): Promise<RenewCertificateResponse>;
  close(): void;
};

type LinkClient = grpc.Client & {
  link(): LinkCall;
  channel(): ChannelCall;
  renewCertificate(
    request: unknown,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<RenewCertificateResponse>,
  ): grpc.ClientUnaryCall;
};

const renewMs = 15_000;

export function openTransport(
  identity: LinkIdentity,
  address: string,
  keepalive: Keepalive = { timeMs: 10_000, timeoutMs: 5_000 },
): LinkTransport {
  const { host, port } = parseControlAddress(address);
  const target = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const Client = grpc.makeGenericClientConstructor(
    grpcService(AgentLinkService) as unknown as grpc.ServiceDefinition,
    "AgentLink",
  );
  const client = new Client(target, credentials(identity, host), {
    "grpc.keepalive_time_ms": keepalive.timeMs,
    "grpc.keepalive_timeout_ms": keepalive.timeoutMs,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    // Joining goes straight to the control plane, and so does the link.
    "grpc.enable_http_proxy": 0,
    // Its own connection, never one that an earlier attempt left in the pool.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": 16 * 2 ** 20,
    // HTTP/2's own 64 KiB are little for what is uploaded through a channel.
    "grpc-node.flow_control_window": 512 * 1024,
    // A server name that is an IP address is not allowed in TLS; the certificate is compared with the address below.
    ...(isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": "control-plane.ozwald" }),
  }) as unknown as LinkClient;
  return {
    link: () => client.link(),
    channel: () => client.channel(),
    renew: (csrPem, signal) => renew(client, csrPem, signal),
    close: () => client.close(),
  };
}

function credentials({ caPem, keyPem, certPem }: LinkIdentity, host: string): grpc.ChannelCredentials {
  const [ca, key, cert] = [caPem, keyPem, certPem].map((pem) => Buffer.from(pem)) as [Buffer, Buffer, Buffer];
  return grpc.credentials.createSsl(ca, key, cert, {
    // Said here, NODE_TLS_REJECT_UNAUTHORIZED does not count.
    rejectUnauthorized: true,
    checkServerIdentity: (_name, certificate) => tls.checkServerIdentity(host, certificate as tls.PeerCertificate),
  });
}

function renew(client: LinkClient, csrPem: string, signal: AbortSignal): Promise<RenewCertificateResponse> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new OzError("cancelled", "the renewal was cancelled"));
    const cancel = () => call.cancel();
    const request = create(RenewCertificateRequestSchema, { csrPem });
    const call = client.renewCertificate(
      request,
      new grpc.Metadata(),
      { deadline: Date.now() + renewMs },
      (error, response) => {
        signal.removeEventListener("abort", cancel);
        if (error === null && response !== undefined) return resolve(response);
        const details = error?.details ?? "no answer";
        reject(
          new OzError("unavailable", `the control plane did not renew the certificate: ${details}`, {
            cause: error ?? undefined,
          }),
        );
      },
    );
    signal.addEventListener("abort", cancel, { once: true });
  });
}
