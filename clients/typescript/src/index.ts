// What the package gives: the client, contexts, and the messages of its calls.
export * from "./client.ts";
export * from "./context.ts";
export * from "./gen/ozwald/v1/address_pb.ts";
export * from "./gen/ozwald/v1/errors_pb.ts";
export * from "./gen/ozwald/v1/events_pb.ts";
export * from "./gen/ozwald/v1/forward_pb.ts";
export * from "./gen/ozwald/v1/hosts_pb.ts";
export * from "./gen/ozwald/v1/instances_pb.ts";
export * from "./gen/ozwald/v1/inventory_pb.ts";
export * from "./gen/ozwald/v1/logs_pb.ts";
export * from "./gen/ozwald/v1/operations_pb.ts";
export * from "./gen/ozwald/v1/replicas_pb.ts";
export * from "./gen/ozwald/v1/services_pb.ts";
export * from "./gen/ozwald/v1/settings_pb.ts";
export * from "./gen/ozwald/v1/status_pb.ts";
export * from "./gen/ozwald/v1/tokens_pb.ts";
