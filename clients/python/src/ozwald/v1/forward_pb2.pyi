from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ForwardStart(_message.Message):
    __slots__ = ("instance", "group", "slot", "container_port")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_PORT_FIELD_NUMBER: _ClassVar[int]
    instance: str
    group: str
    slot: int
    container_port: int
    def __init__(self, instance: _Optional[str] = ..., group: _Optional[str] = ..., slot: _Optional[int] = ..., container_port: _Optional[int] = ...) -> None: ...

class ForwardTarget(_message.Message):
    __slots__ = ("replica_id", "slot", "host", "container_port", "protocol")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    slot: int
    host: str
    container_port: int
    protocol: str
    def __init__(self, replica_id: _Optional[str] = ..., slot: _Optional[int] = ..., host: _Optional[str] = ..., container_port: _Optional[int] = ..., protocol: _Optional[str] = ...) -> None: ...

class FindTargetRequest(_message.Message):
    __slots__ = ("start",)
    START_FIELD_NUMBER: _ClassVar[int]
    start: ForwardStart
    def __init__(self, start: _Optional[_Union[ForwardStart, _Mapping]] = ...) -> None: ...

class FindTargetResponse(_message.Message):
    __slots__ = ("target",)
    TARGET_FIELD_NUMBER: _ClassVar[int]
    target: ForwardTarget
    def __init__(self, target: _Optional[_Union[ForwardTarget, _Mapping]] = ...) -> None: ...

class ForwardServiceForwardRequest(_message.Message):
    __slots__ = ("start", "data")
    START_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    start: ForwardStart
    data: bytes
    def __init__(self, start: _Optional[_Union[ForwardStart, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class ForwardServiceForwardResponse(_message.Message):
    __slots__ = ("connected", "data", "data_closed")
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DATA_CLOSED_FIELD_NUMBER: _ClassVar[int]
    connected: ForwardTarget
    data: bytes
    data_closed: bool
    def __init__(self, connected: _Optional[_Union[ForwardTarget, _Mapping]] = ..., data: _Optional[bytes] = ..., data_closed: _Optional[bool] = ...) -> None: ...
