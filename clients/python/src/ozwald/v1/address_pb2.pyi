import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from ozwald.v1 import hosts_pb2 as _hosts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ControlAddress(_message.Message):
    __slots__ = ("address", "present", "since", "hosts")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    address: str
    present: bool
    since: _timestamp_pb2.Timestamp
    hosts: _containers.RepeatedCompositeFieldContainer[DialingHost]
    def __init__(self, address: _Optional[str] = ..., present: _Optional[bool] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hosts: _Optional[_Iterable[_Union[DialingHost, _Mapping]]] = ...) -> None: ...

class DialingHost(_message.Message):
    __slots__ = ("name", "state", "address", "problem")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: _hosts_pb2.HostState
    address: str
    problem: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[_hosts_pb2.HostState, str]] = ..., address: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class UnreachedAddress(_message.Message):
    __slots__ = ("address", "problem")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    address: str
    problem: str
    def __init__(self, address: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class ListAddressesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAddressesResponse(_message.Message):
    __slots__ = ("addresses", "elsewhere")
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    ELSEWHERE_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedCompositeFieldContainer[ControlAddress]
    elsewhere: _containers.RepeatedCompositeFieldContainer[DialingHost]
    def __init__(self, addresses: _Optional[_Iterable[_Union[ControlAddress, _Mapping]]] = ..., elsewhere: _Optional[_Iterable[_Union[DialingHost, _Mapping]]] = ...) -> None: ...

class SetAddressesRequest(_message.Message):
    __slots__ = ("addresses",)
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class SetAddressesResponse(_message.Message):
    __slots__ = ("now", "unreached")
    NOW_FIELD_NUMBER: _ClassVar[int]
    UNREACHED_FIELD_NUMBER: _ClassVar[int]
    now: ListAddressesResponse
    unreached: _containers.RepeatedCompositeFieldContainer[UnreachedAddress]
    def __init__(self, now: _Optional[_Union[ListAddressesResponse, _Mapping]] = ..., unreached: _Optional[_Iterable[_Union[UnreachedAddress, _Mapping]]] = ...) -> None: ...

class ForgetAddressRequest(_message.Message):
    __slots__ = ("address", "force")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    address: str
    force: bool
    def __init__(self, address: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class ForgetAddressResponse(_message.Message):
    __slots__ = ("now",)
    NOW_FIELD_NUMBER: _ClassVar[int]
    now: ListAddressesResponse
    def __init__(self, now: _Optional[_Union[ListAddressesResponse, _Mapping]] = ...) -> None: ...
