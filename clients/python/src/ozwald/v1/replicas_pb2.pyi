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

class ReplicaState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLICA_STATE_UNSPECIFIED: _ClassVar[ReplicaState]
    REPLICA_STATE_PENDING: _ClassVar[ReplicaState]
    REPLICA_STATE_ASSIGNED: _ClassVar[ReplicaState]
    REPLICA_STATE_PULLING: _ClassVar[ReplicaState]
    REPLICA_STATE_STARTING: _ClassVar[ReplicaState]
    REPLICA_STATE_READY: _ClassVar[ReplicaState]
    REPLICA_STATE_UNWELL: _ClassVar[ReplicaState]
    REPLICA_STATE_BACKOFF: _ClassVar[ReplicaState]
    REPLICA_STATE_STOPPING: _ClassVar[ReplicaState]
    REPLICA_STATE_STOPPED: _ClassVar[ReplicaState]
    REPLICA_STATE_FAILED: _ClassVar[ReplicaState]
    REPLICA_STATE_UNKNOWN: _ClassVar[ReplicaState]
    REPLICA_STATE_LOST: _ClassVar[ReplicaState]
REPLICA_STATE_UNSPECIFIED: ReplicaState
REPLICA_STATE_PENDING: ReplicaState
REPLICA_STATE_ASSIGNED: ReplicaState
REPLICA_STATE_PULLING: ReplicaState
REPLICA_STATE_STARTING: ReplicaState
REPLICA_STATE_READY: ReplicaState
REPLICA_STATE_UNWELL: ReplicaState
REPLICA_STATE_BACKOFF: ReplicaState
REPLICA_STATE_STOPPING: ReplicaState
REPLICA_STATE_STOPPED: ReplicaState
REPLICA_STATE_FAILED: ReplicaState
REPLICA_STATE_UNKNOWN: ReplicaState
REPLICA_STATE_LOST: ReplicaState

class Observed(_message.Message):
    __slots__ = ("replica_id", "generation", "state", "since", "attempt", "starts", "container", "pid", "endpoints", "pull", "reason", "exit_code", "out_of_memory", "log_tail", "instance", "group", "slot", "spec_hash", "image_id", "memory_bytes", "next_attempt", "service", "variety", "profile", "used", "waits_for")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    PULL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_MEMORY_FIELD_NUMBER: _ClassVar[int]
    LOG_TAIL_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    SPEC_HASH_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    WAITS_FOR_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    generation: int
    state: ReplicaState
    since: _timestamp_pb2.Timestamp
    attempt: int
    starts: int
    container: str
    pid: int
    endpoints: _containers.RepeatedCompositeFieldContainer[Endpoint]
    pull: PullProgress
    reason: str
    exit_code: int
    out_of_memory: bool
    log_tail: _containers.RepeatedScalarFieldContainer[str]
    instance: str
    group: str
    slot: int
    spec_hash: str
    image_id: str
    memory_bytes: int
    next_attempt: _timestamp_pb2.Timestamp
    service: str
    variety: str
    profile: str
    used: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.Claim]
    waits_for: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, replica_id: _Optional[str] = ..., generation: _Optional[int] = ..., state: _Optional[_Union[ReplicaState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempt: _Optional[int] = ..., starts: _Optional[int] = ..., container: _Optional[str] = ..., pid: _Optional[int] = ..., endpoints: _Optional[_Iterable[_Union[Endpoint, _Mapping]]] = ..., pull: _Optional[_Union[PullProgress, _Mapping]] = ..., reason: _Optional[str] = ..., exit_code: _Optional[int] = ..., out_of_memory: _Optional[bool] = ..., log_tail: _Optional[_Iterable[str]] = ..., instance: _Optional[str] = ..., group: _Optional[str] = ..., slot: _Optional[int] = ..., spec_hash: _Optional[str] = ..., image_id: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., next_attempt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., service: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ..., used: _Optional[_Iterable[_Union[_inventory_pb2.Claim, _Mapping]]] = ..., waits_for: _Optional[_Iterable[str]] = ...) -> None: ...

class Endpoint(_message.Message):
    __slots__ = ("name", "address", "port", "container_port", "protocol")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: str
    port: int
    container_port: int
    protocol: str
    def __init__(self, name: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., container_port: _Optional[int] = ..., protocol: _Optional[str] = ...) -> None: ...

class PullProgress(_message.Message):
    __slots__ = ("image", "done_bytes", "total_bytes", "bytes_per_second")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    DONE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    image: str
    done_bytes: int
    total_bytes: int
    bytes_per_second: int
    def __init__(self, image: _Optional[str] = ..., done_bytes: _Optional[int] = ..., total_bytes: _Optional[int] = ..., bytes_per_second: _Optional[int] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ("id", "instance", "group", "slot", "host", "generation", "state", "since", "reason", "observed", "service", "variety", "profile", "image", "relaxations")
    ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    RELAXATIONS_FIELD_NUMBER: _ClassVar[int]
    id: str
    instance: str
    group: str
    slot: int
    host: str
    generation: int
    state: ReplicaState
    since: _timestamp_pb2.Timestamp
    reason: str
    observed: Observed
    service: str
    variety: str
    profile: str
    image: str
    relaxations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., instance: _Optional[str] = ..., group: _Optional[str] = ..., slot: _Optional[int] = ..., host: _Optional[str] = ..., generation: _Optional[int] = ..., state: _Optional[_Union[ReplicaState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., observed: _Optional[_Union[Observed, _Mapping]] = ..., service: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ..., image: _Optional[str] = ..., relaxations: _Optional[_Iterable[str]] = ...) -> None: ...

class ListReplicasRequest(_message.Message):
    __slots__ = ("instance", "host")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    instance: str
    host: str
    def __init__(self, instance: _Optional[str] = ..., host: _Optional[str] = ...) -> None: ...

class ListReplicasResponse(_message.Message):
    __slots__ = ("replicas", "revision")
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    replicas: _containers.RepeatedCompositeFieldContainer[Replica]
    revision: int
    def __init__(self, replicas: _Optional[_Iterable[_Union[Replica, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class AdoptReplicasRequest(_message.Message):
    __slots__ = ("host", "replica_id")
    HOST_FIELD_NUMBER: _ClassVar[int]
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    host: str
    replica_id: str
    def __init__(self, host: _Optional[str] = ..., replica_id: _Optional[str] = ...) -> None: ...

class AdoptReplicasResponse(_message.Message):
    __slots__ = ("replica_ids",)
    REPLICA_IDS_FIELD_NUMBER: _ClassVar[int]
    replica_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, replica_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RetireReplicasRequest(_message.Message):
    __slots__ = ("host", "replica_id")
    HOST_FIELD_NUMBER: _ClassVar[int]
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    host: str
    replica_id: str
    def __init__(self, host: _Optional[str] = ..., replica_id: _Optional[str] = ...) -> None: ...

class RetireReplicasResponse(_message.Message):
    __slots__ = ("replica_ids",)
    REPLICA_IDS_FIELD_NUMBER: _ClassVar[int]
    replica_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, replica_ids: _Optional[_Iterable[str]] = ...) -> None: ...
