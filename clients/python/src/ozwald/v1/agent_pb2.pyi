import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from ozwald.v1 import inventory_pb2 as _inventory_pb2
from ozwald.v1 import replicas_pb2 as _replicas_pb2
from ozwald.v1 import spec_pb2 as _spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LinkRequest(_message.Message):
    __slots__ = ("hello", "report", "assignment_result", "heartbeat", "address_tried")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_TRIED_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    report: Report
    assignment_result: AssignmentResult
    heartbeat: Heartbeat
    address_tried: AddressTried
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., assignment_result: _Optional[_Union[AssignmentResult, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., address_tried: _Optional[_Union[AddressTried, _Mapping]] = ...) -> None: ...

class LinkResponse(_message.Message):
    __slots__ = ("welcome", "assignment", "report_ack", "open_channel", "closed")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    REPORT_ACK_FIELD_NUMBER: _ClassVar[int]
    OPEN_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    assignment: Assignment
    report_ack: ReportAck
    open_channel: OpenChannel
    closed: Closed
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., assignment: _Optional[_Union[Assignment, _Mapping]] = ..., report_ack: _Optional[_Union[ReportAck, _Mapping]] = ..., open_channel: _Optional[_Union[OpenChannel, _Mapping]] = ..., closed: _Optional[_Union[Closed, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("host_id", "boot_id", "process_nonce", "agent_version", "obeyed_incarnation", "obeyed_epoch", "journal_revision", "inventory", "observed", "dialed_address")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    PROCESS_NONCE_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    OBEYED_INCARNATION_FIELD_NUMBER: _ClassVar[int]
    OBEYED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_REVISION_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    DIALED_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    boot_id: str
    process_nonce: str
    agent_version: str
    obeyed_incarnation: str
    obeyed_epoch: int
    journal_revision: int
    inventory: _inventory_pb2.Inventory
    observed: _containers.RepeatedCompositeFieldContainer[_replicas_pb2.Observed]
    dialed_address: str
    def __init__(self, host_id: _Optional[str] = ..., boot_id: _Optional[str] = ..., process_nonce: _Optional[str] = ..., agent_version: _Optional[str] = ..., obeyed_incarnation: _Optional[str] = ..., obeyed_epoch: _Optional[int] = ..., journal_revision: _Optional[int] = ..., inventory: _Optional[_Union[_inventory_pb2.Inventory, _Mapping]] = ..., observed: _Optional[_Iterable[_Union[_replicas_pb2.Observed, _Mapping]]] = ..., dialed_address: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("cluster_id", "cluster_epoch", "incarnation", "history_contains_obeyed", "heartbeat_ms", "telemetry_ms", "now", "addresses")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    HISTORY_CONTAINS_OBEYED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_MS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    cluster_epoch: int
    incarnation: str
    history_contains_obeyed: bool
    heartbeat_ms: int
    telemetry_ms: int
    now: _timestamp_pb2.Timestamp
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, cluster_id: _Optional[str] = ..., cluster_epoch: _Optional[int] = ..., incarnation: _Optional[str] = ..., history_contains_obeyed: _Optional[bool] = ..., heartbeat_ms: _Optional[int] = ..., telemetry_ms: _Optional[int] = ..., now: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("cluster_epoch", "incarnation", "revision", "run", "retire")
    CLUSTER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    RETIRE_FIELD_NUMBER: _ClassVar[int]
    cluster_epoch: int
    incarnation: str
    revision: int
    run: _containers.RepeatedCompositeFieldContainer[ReplicaAssignment]
    retire: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, cluster_epoch: _Optional[int] = ..., incarnation: _Optional[str] = ..., revision: _Optional[int] = ..., run: _Optional[_Iterable[_Union[ReplicaAssignment, _Mapping]]] = ..., retire: _Optional[_Iterable[str]] = ...) -> None: ...

class ReplicaAssignment(_message.Message):
    __slots__ = ("replica_id", "generation", "slot", "spec", "spec_hash", "claims")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    SPEC_HASH_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    generation: int
    slot: int
    spec: _spec_pb2.ReplicaSpec
    spec_hash: str
    claims: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.Claim]
    def __init__(self, replica_id: _Optional[str] = ..., generation: _Optional[int] = ..., slot: _Optional[int] = ..., spec: _Optional[_Union[_spec_pb2.ReplicaSpec, _Mapping]] = ..., spec_hash: _Optional[str] = ..., claims: _Optional[_Iterable[_Union[_inventory_pb2.Claim, _Mapping]]] = ...) -> None: ...

class AssignmentResult(_message.Message):
    __slots__ = ("revision", "accepted", "reason", "rejected")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    revision: int
    accepted: bool
    reason: str
    rejected: _containers.RepeatedCompositeFieldContainer[Rejected]
    def __init__(self, revision: _Optional[int] = ..., accepted: _Optional[bool] = ..., reason: _Optional[str] = ..., rejected: _Optional[_Iterable[_Union[Rejected, _Mapping]]] = ...) -> None: ...

class Rejected(_message.Message):
    __slots__ = ("replica_id", "generation", "resource", "need_bytes", "free_bytes", "holder")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    NEED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    generation: int
    resource: str
    need_bytes: int
    free_bytes: int
    holder: str
    def __init__(self, replica_id: _Optional[str] = ..., generation: _Optional[int] = ..., resource: _Optional[str] = ..., need_bytes: _Optional[int] = ..., free_bytes: _Optional[int] = ..., holder: _Optional[str] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("sequence", "full", "changed", "gone", "inventory", "telemetry")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    full: bool
    changed: _containers.RepeatedCompositeFieldContainer[_replicas_pb2.Observed]
    gone: _containers.RepeatedScalarFieldContainer[str]
    inventory: _inventory_pb2.Inventory
    telemetry: _inventory_pb2.Telemetry
    def __init__(self, sequence: _Optional[int] = ..., full: _Optional[bool] = ..., changed: _Optional[_Iterable[_Union[_replicas_pb2.Observed, _Mapping]]] = ..., gone: _Optional[_Iterable[str]] = ..., inventory: _Optional[_Union[_inventory_pb2.Inventory, _Mapping]] = ..., telemetry: _Optional[_Union[_inventory_pb2.Telemetry, _Mapping]] = ...) -> None: ...

class ReportAck(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AddressTried(_message.Message):
    __slots__ = ("address", "problem")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    address: str
    problem: str
    def __init__(self, address: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class Closed(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class OpenChannel(_message.Message):
    __slots__ = ("channel_id", "logs", "exec", "forward")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    FORWARD_FIELD_NUMBER: _ClassVar[int]
    channel_id: str
    logs: LogRequest
    exec: ExecRequest
    forward: ForwardRequest
    def __init__(self, channel_id: _Optional[str] = ..., logs: _Optional[_Union[LogRequest, _Mapping]] = ..., exec: _Optional[_Union[ExecRequest, _Mapping]] = ..., forward: _Optional[_Union[ForwardRequest, _Mapping]] = ...) -> None: ...

class LogRequest(_message.Message):
    __slots__ = ("replica_id", "follow", "tail", "previous", "timestamps")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    TAIL_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    follow: bool
    tail: int
    previous: bool
    timestamps: bool
    def __init__(self, replica_id: _Optional[str] = ..., follow: _Optional[bool] = ..., tail: _Optional[int] = ..., previous: _Optional[bool] = ..., timestamps: _Optional[bool] = ...) -> None: ...

class ExecRequest(_message.Message):
    __slots__ = ("replica_id", "command", "stdin", "tty", "columns", "rows", "user")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    TTY_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    command: _containers.RepeatedScalarFieldContainer[str]
    stdin: bool
    tty: bool
    columns: int
    rows: int
    user: str
    def __init__(self, replica_id: _Optional[str] = ..., command: _Optional[_Iterable[str]] = ..., stdin: _Optional[bool] = ..., tty: _Optional[bool] = ..., columns: _Optional[int] = ..., rows: _Optional[int] = ..., user: _Optional[str] = ...) -> None: ...

class ForwardRequest(_message.Message):
    __slots__ = ("replica_id", "container_port")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_PORT_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    container_port: int
    def __init__(self, replica_id: _Optional[str] = ..., container_port: _Optional[int] = ...) -> None: ...

class ChannelRequest(_message.Message):
    __slots__ = ("opened", "stdout", "stderr", "closed", "connected", "stdout_closed")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    STDOUT_CLOSED_FIELD_NUMBER: _ClassVar[int]
    opened: ChannelOpened
    stdout: bytes
    stderr: bytes
    closed: ChannelClosed
    connected: bool
    stdout_closed: bool
    def __init__(self, opened: _Optional[_Union[ChannelOpened, _Mapping]] = ..., stdout: _Optional[bytes] = ..., stderr: _Optional[bytes] = ..., closed: _Optional[_Union[ChannelClosed, _Mapping]] = ..., connected: _Optional[bool] = ..., stdout_closed: _Optional[bool] = ...) -> None: ...

class ChannelOpened(_message.Message):
    __slots__ = ("channel_id",)
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    channel_id: str
    def __init__(self, channel_id: _Optional[str] = ...) -> None: ...

class ChannelClosed(_message.Message):
    __slots__ = ("exit_code", "error")
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    exit_code: int
    error: str
    def __init__(self, exit_code: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class ChannelResponse(_message.Message):
    __slots__ = ("stdin", "stdin_closed", "resize", "cancel")
    STDIN_FIELD_NUMBER: _ClassVar[int]
    STDIN_CLOSED_FIELD_NUMBER: _ClassVar[int]
    RESIZE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    stdin: bytes
    stdin_closed: bool
    resize: TerminalSize
    cancel: bool
    def __init__(self, stdin: _Optional[bytes] = ..., stdin_closed: _Optional[bool] = ..., resize: _Optional[_Union[TerminalSize, _Mapping]] = ..., cancel: _Optional[bool] = ...) -> None: ...

class TerminalSize(_message.Message):
    __slots__ = ("columns", "rows")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    columns: int
    rows: int
    def __init__(self, columns: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class RenewCertificateRequest(_message.Message):
    __slots__ = ("csr_pem",)
    CSR_PEM_FIELD_NUMBER: _ClassVar[int]
    csr_pem: str
    def __init__(self, csr_pem: _Optional[str] = ...) -> None: ...

class RenewCertificateResponse(_message.Message):
    __slots__ = ("certificate_pem", "ca_pem")
    CERTIFICATE_PEM_FIELD_NUMBER: _ClassVar[int]
    CA_PEM_FIELD_NUMBER: _ClassVar[int]
    certificate_pem: str
    ca_pem: str
    def __init__(self, certificate_pem: _Optional[str] = ..., ca_pem: _Optional[str] = ...) -> None: ...
