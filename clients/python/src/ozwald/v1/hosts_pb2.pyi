import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from ozwald.v1 import inventory_pb2 as _inventory_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HostState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOST_STATE_UNSPECIFIED: _ClassVar[HostState]
    HOST_STATE_EXPECTED: _ClassVar[HostState]
    HOST_STATE_ONLINE: _ClassVar[HostState]
    HOST_STATE_SUSPECT: _ClassVar[HostState]
    HOST_STATE_OFFLINE: _ClassVar[HostState]
    HOST_STATE_QUARANTINED: _ClassVar[HostState]
    HOST_STATE_REMOVED: _ClassVar[HostState]
HOST_STATE_UNSPECIFIED: HostState
HOST_STATE_EXPECTED: HostState
HOST_STATE_ONLINE: HostState
HOST_STATE_SUSPECT: HostState
HOST_STATE_OFFLINE: HostState
HOST_STATE_QUARANTINED: HostState
HOST_STATE_REMOVED: HostState

class Host(_message.Message):
    __slots__ = ("id", "name", "state", "since", "inventory", "telemetry", "agent_version", "address", "replicas", "problem", "memory_claimed_bytes", "dialed_address", "address_problem")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    MEMORY_CLAIMED_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIALED_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_PROBLEM_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    state: HostState
    since: _timestamp_pb2.Timestamp
    inventory: _inventory_pb2.Inventory
    telemetry: _inventory_pb2.Telemetry
    agent_version: str
    address: str
    replicas: int
    problem: str
    memory_claimed_bytes: int
    dialed_address: str
    address_problem: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[_Union[HostState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., inventory: _Optional[_Union[_inventory_pb2.Inventory, _Mapping]] = ..., telemetry: _Optional[_Union[_inventory_pb2.Telemetry, _Mapping]] = ..., agent_version: _Optional[str] = ..., address: _Optional[str] = ..., replicas: _Optional[int] = ..., problem: _Optional[str] = ..., memory_claimed_bytes: _Optional[int] = ..., dialed_address: _Optional[str] = ..., address_problem: _Optional[str] = ...) -> None: ...

class ListHostsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListHostsResponse(_message.Message):
    __slots__ = ("hosts",)
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[Host]
    def __init__(self, hosts: _Optional[_Iterable[_Union[Host, _Mapping]]] = ...) -> None: ...

class CreateInviteRequest(_message.Message):
    __slots__ = ("name", "ttl_seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TTL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    ttl_seconds: int
    def __init__(self, name: _Optional[str] = ..., ttl_seconds: _Optional[int] = ...) -> None: ...

class CreateInviteResponse(_message.Message):
    __slots__ = ("token", "address", "expires", "server_pin", "install_line")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    SERVER_PIN_FIELD_NUMBER: _ClassVar[int]
    INSTALL_LINE_FIELD_NUMBER: _ClassVar[int]
    token: str
    address: str
    expires: _timestamp_pb2.Timestamp
    server_pin: str
    install_line: str
    def __init__(self, token: _Optional[str] = ..., address: _Optional[str] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., server_pin: _Optional[str] = ..., install_line: _Optional[str] = ...) -> None: ...

class RemoveHostRequest(_message.Message):
    __slots__ = ("name", "force")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    force: bool
    def __init__(self, name: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class RemoveHostResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EnrollRequest(_message.Message):
    __slots__ = ("token", "csr_pem", "hostname")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CSR_PEM_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    token: str
    csr_pem: str
    hostname: str
    def __init__(self, token: _Optional[str] = ..., csr_pem: _Optional[str] = ..., hostname: _Optional[str] = ...) -> None: ...

class EnrollResponse(_message.Message):
    __slots__ = ("host_id", "name", "certificate_pem", "ca_pem", "cluster_id")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_PEM_FIELD_NUMBER: _ClassVar[int]
    CA_PEM_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    name: str
    certificate_pem: str
    ca_pem: str
    cluster_id: str
    def __init__(self, host_id: _Optional[str] = ..., name: _Optional[str] = ..., certificate_pem: _Optional[str] = ..., ca_pem: _Optional[str] = ..., cluster_id: _Optional[str] = ...) -> None: ...
