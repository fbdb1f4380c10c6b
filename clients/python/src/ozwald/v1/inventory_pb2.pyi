import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Inventory(_message.Message):
    __slots__ = ("hostname", "os", "kernel", "architecture", "cpu_model", "cpu_cores", "memory_bytes", "disk_bytes", "engine", "devices", "images", "capabilities", "warnings")
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    CPU_MODEL_FIELD_NUMBER: _ClassVar[int]
    CPU_CORES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_BYTES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    hostname: str
    os: str
    kernel: str
    architecture: str
    cpu_model: str
    cpu_cores: int
    memory_bytes: int
    disk_bytes: int
    engine: Engine
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    images: _containers.RepeatedScalarFieldContainer[str]
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, hostname: _Optional[str] = ..., os: _Optional[str] = ..., kernel: _Optional[str] = ..., architecture: _Optional[str] = ..., cpu_model: _Optional[str] = ..., cpu_cores: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., disk_bytes: _Optional[int] = ..., engine: _Optional[_Union[Engine, _Mapping]] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., images: _Optional[_Iterable[str]] = ..., capabilities: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class Engine(_message.Message):
    __slots__ = ("name", "version", "api_version", "cgroup_driver", "runtimes", "live_restore", "root", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    API_VERSION_FIELD_NUMBER: _ClassVar[int]
    CGROUP_DRIVER_FIELD_NUMBER: _ClassVar[int]
    RUNTIMES_FIELD_NUMBER: _ClassVar[int]
    LIVE_RESTORE_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    api_version: str
    cgroup_driver: str
    runtimes: _containers.RepeatedScalarFieldContainer[str]
    live_restore: bool
    root: str
    error: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., api_version: _Optional[str] = ..., cgroup_driver: _Optional[str] = ..., runtimes: _Optional[_Iterable[str]] = ..., live_restore: _Optional[bool] = ..., root: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("id", "vendor", "model", "index", "pci_address", "vram_bytes", "driver_version", "problem")
    ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PCI_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    VRAM_BYTES_FIELD_NUMBER: _ClassVar[int]
    DRIVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    id: str
    vendor: str
    model: str
    index: int
    pci_address: str
    vram_bytes: int
    driver_version: str
    problem: str
    def __init__(self, id: _Optional[str] = ..., vendor: _Optional[str] = ..., model: _Optional[str] = ..., index: _Optional[int] = ..., pci_address: _Optional[str] = ..., vram_bytes: _Optional[int] = ..., driver_version: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class Claim(_message.Message):
    __slots__ = ("resource", "bytes", "origin")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    resource: str
    bytes: int
    origin: str
    def __init__(self, resource: _Optional[str] = ..., bytes: _Optional[int] = ..., origin: _Optional[str] = ...) -> None: ...

class Telemetry(_message.Message):
    __slots__ = ("at", "cpu_used", "memory_available_bytes", "disk_free_bytes", "devices")
    AT_FIELD_NUMBER: _ClassVar[int]
    CPU_USED_FIELD_NUMBER: _ClassVar[int]
    MEMORY_AVAILABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    cpu_used: float
    memory_available_bytes: int
    disk_free_bytes: int
    devices: _containers.RepeatedCompositeFieldContainer[DeviceSample]
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cpu_used: _Optional[float] = ..., memory_available_bytes: _Optional[int] = ..., disk_free_bytes: _Optional[int] = ..., devices: _Optional[_Iterable[_Union[DeviceSample, _Mapping]]] = ...) -> None: ...

class DeviceSample(_message.Message):
    __slots__ = ("id", "vram_used_bytes", "utilization", "temperature")
    ID_FIELD_NUMBER: _ClassVar[int]
    VRAM_USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    UTILIZATION_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    id: str
    vram_used_bytes: int
    utilization: float
    temperature: float
    def __init__(self, id: _Optional[str] = ..., vram_used_bytes: _Optional[int] = ..., utilization: _Optional[float] = ..., temperature: _Optional[float] = ...) -> None: ...
