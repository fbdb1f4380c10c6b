// One client per service of the contract (but for those that only agents call), over one gRPC connection.
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type Context, readContext } from "./context.ts";
import { AddressService } from "./gen/ozwald/v1/address_pb.ts";
import { EventsService } from "./gen/ozwald/v1/events_pb.ts";
import { ForwardService } from "./gen/ozwald/v1/forward_pb.ts";
import { HostsService } from "./gen/ozwald/v1/hosts_pb.ts";
import { InstancesService } from "./gen/ozwald/v1/instances_pb.ts";
import { ExecService, LogsService } from "./gen/ozwald/v1/logs_pb.ts";
import { OperationsService } from "./gen/ozwald/v1/operations_pb.ts";
import { ReplicasService } from "./gen/ozwald/v1/replicas_pb.ts";
import { ServicesService } from "./gen/ozwald/v1/services_pb.ts";
import { SettingsService } from "./gen/ozwald/v1/settings_pb.ts";
import { HealthService, StatusService } from "./gen/ozwald/v1/status_pb.ts";
import { TokensService } from "./gen/ozwald/v1/tokens_pb.ts";

export type OzwaldClient = {
  readonly hosts: Client<typeof HostsService>;
  readonly services: Client<typeof ServicesService>;
  readonly settings: Client<typeof SettingsService>;
  readonly instances: Client<typeof InstancesService>;
  readonly replicas: Client<typeof ReplicasService>;
  readonly operations: Client<typeof OperationsService>;
  readonly events: Client<typeof EventsService>;
  readonly logs: Client<typeof LogsService>;
  readonly exec: Client<typeof ExecService>;
  readonly forward: Client<typeof ForwardService>;
  readonly tokens: Client<typeof TokensService>;
  readonly addresses: Client<typeof AddressService>;
  readonly status: Client<typeof StatusService>;
  readonly health: Client<typeof HealthService>;
};

/** Longest time of a unary call in milliseconds, unless the call says otherwise. Streams go on until they are aborted. */
const defaultTimeoutMs = 10_000;

/** Connects lazily, with the first call. Errors are ConnectError; its details hold ErrorDetail with a code and a hint. */
export function connect(context: Context = readContext()): OzwaldClient {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${context.token}`);
    return next(request);
  };
  const bounded: Interceptor = (next) => (request) => {
    if (request.stream || request.header.has("grpc-timeout")) return next(request);
    return next({ ...request, signal: AbortSignal.any([request.signal, AbortSignal.timeout(defaultTimeoutMs)]) });
  };
  const transport = createGrpcTransport({ baseUrl: context.address, nodeOptions: { ca: context.caPem }, interceptors: [authorize, bounded] });
  return {
    hosts: createClient(HostsService, transport),
    services: createClient(ServicesService, transport),
    settings: createClient(SettingsService, transport),
    instances: createClient(InstancesService, transport),
    replicas: createClient(ReplicasService, transport),
    operations: createClient(OperationsService, transport),
    events: createClient(EventsService, transport),
    logs: createClient(LogsService, transport),
    exec: createClient(ExecService, transport),
    forward: createClient(ForwardService, transport),
    tokens: createClient(TokensService, transport),
    addresses: createClient(AddressService, transport),
    status: createClient(StatusService, transport),
    health: createClient(HealthService, transport),
  };
}
