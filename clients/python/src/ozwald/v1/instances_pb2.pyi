import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from ozwald.v1 import replicas_pb2 as _replicas_pb2
from ozwald.v1 import settings_pb2 as _settings_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Instance(_message.Message):
    __slots__ = ("name", "group", "service", "variety", "profile", "replicas", "owner", "host", "overridden", "units")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    OVERRIDDEN_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    name: str
    group: str
    service: str
    variety: str
    profile: str
    replicas: int
    owner: str
    host: str
    overridden: bool
    units: _containers.RepeatedCompositeFieldContainer[_replicas_pb2.Replica]
    def __init__(self, name: _Optional[str] = ..., group: _Optional[str] = ..., service: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ..., replicas: _Optional[int] = ..., owner: _Optional[str] = ..., host: _Optional[str] = ..., overridden: _Optional[bool] = ..., units: _Optional[_Iterable[_Union[_replicas_pb2.Replica, _Mapping]]] = ...) -> None: ...

class ListInstancesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListInstancesResponse(_message.Message):
    __slots__ = ("instances", "unknown", "revision")
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    unknown: _containers.RepeatedCompositeFieldContainer[_replicas_pb2.Replica]
    revision: int
    def __init__(self, instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ..., unknown: _Optional[_Iterable[_Union[_replicas_pb2.Replica, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class WatchInstancesRequest(_message.Message):
    __slots__ = ("after_revision",)
    AFTER_REVISION_FIELD_NUMBER: _ClassVar[int]
    after_revision: int
    def __init__(self, after_revision: _Optional[int] = ...) -> None: ...

class WatchInstancesResponse(_message.Message):
    __slots__ = ("instances", "unknown", "revision")
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    unknown: _containers.RepeatedCompositeFieldContainer[_replicas_pb2.Replica]
    revision: int
    def __init__(self, instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ..., unknown: _Optional[_Iterable[_Union[_replicas_pb2.Replica, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class UpInstanceRequest(_message.Message):
    __slots__ = ("name", "service", "variety", "profile", "host", "group", "replicas", "idempotency_key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    service: str
    variety: str
    profile: str
    host: str
    group: str
    replicas: int
    idempotency_key: str
    def __init__(self, name: _Optional[str] = ..., service: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ..., host: _Optional[str] = ..., group: _Optional[str] = ..., replicas: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class UpInstanceResponse(_message.Message):
    __slots__ = ("operation_id", "plan")
    OPERATION_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    operation_id: int
    plan: _settings_pb2.Plan
    def __init__(self, operation_id: _Optional[int] = ..., plan: _Optional[_Union[_settings_pb2.Plan, _Mapping]] = ...) -> None: ...

class DownInstanceRequest(_message.Message):
    __slots__ = ("name", "group", "idempotency_key", "service", "variety", "profile", "host")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    name: str
    group: str
    idempotency_key: str
    service: str
    variety: str
    profile: str
    host: str
    def __init__(self, name: _Optional[str] = ..., group: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., service: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ..., host: _Optional[str] = ...) -> None: ...

class DownInstanceResponse(_message.Message):
    __slots__ = ("operation_id", "plan")
    OPERATION_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    operation_id: int
    plan: _settings_pb2.Plan
    def __init__(self, operation_id: _Optional[int] = ..., plan: _Optional[_Union[_settings_pb2.Plan, _Mapping]] = ...) -> None: ...

class RestartInstanceRequest(_message.Message):
    __slots__ = ("name", "group", "idempotency_key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    group: str
    idempotency_key: str
    def __init__(self, name: _Optional[str] = ..., group: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class RestartInstanceResponse(_message.Message):
    __slots__ = ("operation_id", "plan")
    OPERATION_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    operation_id: int
    plan: _settings_pb2.Plan
    def __init__(self, operation_id: _Optional[int] = ..., plan: _Optional[_Union[_settings_pb2.Plan, _Mapping]] = ...) -> None: ...

class ExplainInstanceRequest(_message.Message):
    __slots__ = ("name", "group")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    name: str
    group: str
    def __init__(self, name: _Optional[str] = ..., group: _Optional[str] = ...) -> None: ...

class ExplainInstanceResponse(_message.Message):
    __slots__ = ("instance", "candidates", "summary", "next", "events")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    instance: Instance
    candidates: _containers.RepeatedCompositeFieldContainer[_settings_pb2.Candidate]
    summary: str
    next: _containers.RepeatedScalarFieldContainer[str]
    events: _containers.RepeatedCompositeFieldContainer[ExplainedEvent]
    def __init__(self, instance: _Optional[_Union[Instance, _Mapping]] = ..., candidates: _Optional[_Iterable[_Union[_settings_pb2.Candidate, _Mapping]]] = ..., summary: _Optional[str] = ..., next: _Optional[_Iterable[str]] = ..., events: _Optional[_Iterable[_Union[ExplainedEvent, _Mapping]]] = ...) -> None: ...

class ExplainedEvent(_message.Message):
    __slots__ = ("at", "message")
    AT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    message: str
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class DynamicInstance(_message.Message):
    __slots__ = ("name", "service", "group", "variety", "profile")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    name: str
    service: str
    group: str
    variety: str
    profile: str
    def __init__(self, name: _Optional[str] = ..., service: _Optional[str] = ..., group: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ...) -> None: ...

class ReplaceDynamicInstancesRequest(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[DynamicInstance]
    def __init__(self, instances: _Optional[_Iterable[_Union[DynamicInstance, _Mapping]]] = ...) -> None: ...

class ReplaceDynamicInstancesResponse(_message.Message):
    __slots__ = ("operation_id", "plan")
    OPERATION_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    operation_id: int
    plan: _settings_pb2.Plan
    def __init__(self, operation_id: _Optional[int] = ..., plan: _Optional[_Union[_settings_pb2.Plan, _Mapping]] = ...) -> None: ...
