"""One stub per service of the contract (but for those that only agents call), over one gRPC channel."""

from __future__ import annotations

from urllib.parse import urlsplit

import grpc

from ozwald.v1 import (
    address_pb2_grpc,
    events_pb2_grpc,
    forward_pb2_grpc,
    hosts_pb2_grpc,
    instances_pb2_grpc,
    logs_pb2_grpc,
    operations_pb2_grpc,
    replicas_pb2_grpc,
    services_pb2_grpc,
    settings_pb2_grpc,
    status_pb2_grpc,
    tokens_pb2_grpc,
)
from ozwald_client.context import Context, read_context

KEEPALIVE = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]


class Client:
    """Stubs: hosts, services, settings, instances, replicas, operations, events, logs, exec, forward, tokens, addresses, status, health.

    gRPC waits for ever unless it is told otherwise: give every call a `timeout` in seconds. Errors are grpc.RpcError.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.hosts = hosts_pb2_grpc.HostsServiceStub(channel)
        self.services = services_pb2_grpc.ServicesServiceStub(channel)
        self.settings = settings_pb2_grpc.SettingsServiceStub(channel)
        self.instances = instances_pb2_grpc.InstancesServiceStub(channel)
        self.replicas = replicas_pb2_grpc.ReplicasServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsServiceStub(channel)
        self.events = events_pb2_grpc.EventsServiceStub(channel)
        self.logs = logs_pb2_grpc.LogsServiceStub(channel)
        self.exec = logs_pb2_grpc.ExecServiceStub(channel)
        self.forward = forward_pb2_grpc.ForwardServiceStub(channel)
        self.tokens = tokens_pb2_grpc.TokensServiceStub(channel)
        self.addresses = address_pb2_grpc.AddressServiceStub(channel)
        self.status = status_pb2_grpc.StatusServiceStub(channel)
        self.health = status_pb2_grpc.HealthServiceStub(channel)

    def close(self) -> None:
        self.channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(context: Context | None = None) -> Client:
    """Connects lazily, with the first call, over TLS that trusts the cluster's own authority only."""
    chosen = context or read_context()
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(chosen.ca_pem.encode()),
        grpc.access_token_call_credentials(chosen.token),
    )
    return Client(grpc.secure_channel(urlsplit(chosen.address).netloc, credentials, options=KEEPALIVE))
