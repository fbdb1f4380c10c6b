from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PullPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PULL_POLICY_UNSPECIFIED: _ClassVar[PullPolicy]
    PULL_POLICY_MISSING: _ClassVar[PullPolicy]
    PULL_POLICY_ALWAYS: _ClassVar[PullPolicy]
    PULL_POLICY_NEVER: _ClassVar[PullPolicy]

class MountKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MOUNT_KIND_UNSPECIFIED: _ClassVar[MountKind]
    MOUNT_KIND_BIND: _ClassVar[MountKind]
    MOUNT_KIND_NAMED: _ClassVar[MountKind]
    MOUNT_KIND_TMPFS: _ClassVar[MountKind]

class RestartCondition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESTART_CONDITION_UNSPECIFIED: _ClassVar[RestartCondition]
    RESTART_CONDITION_ALWAYS: _ClassVar[RestartCondition]
    RESTART_CONDITION_ON_FAILURE: _ClassVar[RestartCondition]
    RESTART_CONDITION_NEVER: _ClassVar[RestartCondition]
PULL_POLICY_UNSPECIFIED: PullPolicy
PULL_POLICY_MISSING: PullPolicy
PULL_POLICY_ALWAYS: PullPolicy
PULL_POLICY_NEVER: PullPolicy
MOUNT_KIND_UNSPECIFIED: MountKind
MOUNT_KIND_BIND: MountKind
MOUNT_KIND_NAMED: MountKind
MOUNT_KIND_TMPFS: MountKind
RESTART_CONDITION_UNSPECIFIED: RestartCondition
RESTART_CONDITION_ALWAYS: RestartCondition
RESTART_CONDITION_ON_FAILURE: RestartCondition
RESTART_CONDITION_NEVER: RestartCondition

class ReplicaSpec(_message.Message):
    __slots__ = ("instance", "group", "service", "variety", "profile", "image", "command", "entrypoint", "environment", "mounts", "ports", "resources", "health", "restart", "security", "shm_bytes", "ulimits", "stop_grace_ms", "depends_on", "registry_logins", "pull_policy", "secret_keys")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    MOUNTS_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    RESTART_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    SHM_BYTES_FIELD_NUMBER: _ClassVar[int]
    ULIMITS_FIELD_NUMBER: _ClassVar[int]
    STOP_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_LOGINS_FIELD_NUMBER: _ClassVar[int]
    PULL_POLICY_FIELD_NUMBER: _ClassVar[int]
    SECRET_KEYS_FIELD_NUMBER: _ClassVar[int]
    instance: str
    group: str
    service: str
    variety: str
    profile: str
    image: str
    command: _containers.RepeatedScalarFieldContainer[str]
    entrypoint: _containers.RepeatedScalarFieldContainer[str]
    environment: _containers.ScalarMap[str, str]
    mounts: _containers.RepeatedCompositeFieldContainer[Mount]
    ports: _containers.RepeatedCompositeFieldContainer[Port]
    resources: Resources
    health: Health
    restart: RestartPolicy
    security: Security
    shm_bytes: int
    ulimits: _containers.RepeatedCompositeFieldContainer[Ulimit]
    stop_grace_ms: int
    depends_on: _containers.RepeatedScalarFieldContainer[str]
    registry_logins: _containers.RepeatedCompositeFieldContainer[RegistryLogin]
    pull_policy: PullPolicy
    secret_keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, instance: _Optional[str] = ..., group: _Optional[str] = ..., service: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ..., image: _Optional[str] = ..., command: _Optional[_Iterable[str]] = ..., entrypoint: _Optional[_Iterable[str]] = ..., environment: _Optional[_Mapping[str, str]] = ..., mounts: _Optional[_Iterable[_Union[Mount, _Mapping]]] = ..., ports: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., resources: _Optional[_Union[Resources, _Mapping]] = ..., health: _Optional[_Union[Health, _Mapping]] = ..., restart: _Optional[_Union[RestartPolicy, _Mapping]] = ..., security: _Optional[_Union[Security, _Mapping]] = ..., shm_bytes: _Optional[int] = ..., ulimits: _Optional[_Iterable[_Union[Ulimit, _Mapping]]] = ..., stop_grace_ms: _Optional[int] = ..., depends_on: _Optional[_Iterable[str]] = ..., registry_logins: _Optional[_Iterable[_Union[RegistryLogin, _Mapping]]] = ..., pull_policy: _Optional[_Union[PullPolicy, str]] = ..., secret_keys: _Optional[_Iterable[str]] = ...) -> None: ...

class Mount(_message.Message):
    __slots__ = ("kind", "source", "target", "read_only", "tmpfs_bytes", "external")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    TMPFS_BYTES_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_FIELD_NUMBER: _ClassVar[int]
    kind: MountKind
    source: str
    target: str
    read_only: bool
    tmpfs_bytes: int
    external: bool
    def __init__(self, kind: _Optional[_Union[MountKind, str]] = ..., source: _Optional[str] = ..., target: _Optional[str] = ..., read_only: _Optional[bool] = ..., tmpfs_bytes: _Optional[int] = ..., external: _Optional[bool] = ...) -> None: ...

class Port(_message.Message):
    __slots__ = ("name", "container_port", "host_port", "host_address", "transport", "protocol")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_PORT_FIELD_NUMBER: _ClassVar[int]
    HOST_PORT_FIELD_NUMBER: _ClassVar[int]
    HOST_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    name: str
    container_port: int
    host_port: int
    host_address: str
    transport: str
    protocol: str
    def __init__(self, name: _Optional[str] = ..., container_port: _Optional[int] = ..., host_port: _Optional[int] = ..., host_address: _Optional[str] = ..., transport: _Optional[str] = ..., protocol: _Optional[str] = ...) -> None: ...

class Resources(_message.Message):
    __slots__ = ("memory_bytes", "cpu_millis", "pids", "gpus", "gpu_vendor", "vram_bytes", "disk_bytes", "device_ids")
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    CPU_MILLIS_FIELD_NUMBER: _ClassVar[int]
    PIDS_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    GPU_VENDOR_FIELD_NUMBER: _ClassVar[int]
    VRAM_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_BYTES_FIELD_NUMBER: _ClassVar[int]
    DEVICE_IDS_FIELD_NUMBER: _ClassVar[int]
    memory_bytes: int
    cpu_millis: int
    pids: int
    gpus: int
    gpu_vendor: str
    vram_bytes: int
    disk_bytes: int
    device_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, memory_bytes: _Optional[int] = ..., cpu_millis: _Optional[int] = ..., pids: _Optional[int] = ..., gpus: _Optional[int] = ..., gpu_vendor: _Optional[str] = ..., vram_bytes: _Optional[int] = ..., disk_bytes: _Optional[int] = ..., device_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Health(_message.Message):
    __slots__ = ("probes", "container_check", "startup_timeout_ms")
    PROBES_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_CHECK_FIELD_NUMBER: _ClassVar[int]
    STARTUP_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    probes: _containers.RepeatedCompositeFieldContainer[Probe]
    container_check: ContainerCheck
    startup_timeout_ms: int
    def __init__(self, probes: _Optional[_Iterable[_Union[Probe, _Mapping]]] = ..., container_check: _Optional[_Union[ContainerCheck, _Mapping]] = ..., startup_timeout_ms: _Optional[int] = ...) -> None: ...

class Probe(_message.Message):
    __slots__ = ("http", "tcp", "exec", "interval_ms", "timeout_ms", "failure_threshold")
    HTTP_FIELD_NUMBER: _ClassVar[int]
    TCP_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    http: HttpCheck
    tcp: TcpCheck
    exec: ExecCheck
    interval_ms: int
    timeout_ms: int
    failure_threshold: int
    def __init__(self, http: _Optional[_Union[HttpCheck, _Mapping]] = ..., tcp: _Optional[_Union[TcpCheck, _Mapping]] = ..., exec: _Optional[_Union[ExecCheck, _Mapping]] = ..., interval_ms: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., failure_threshold: _Optional[int] = ...) -> None: ...

class HttpCheck(_message.Message):
    __slots__ = ("port", "path")
    PORT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    port: int
    path: str
    def __init__(self, port: _Optional[int] = ..., path: _Optional[str] = ...) -> None: ...

class TcpCheck(_message.Message):
    __slots__ = ("port",)
    PORT_FIELD_NUMBER: _ClassVar[int]
    port: int
    def __init__(self, port: _Optional[int] = ...) -> None: ...

class ExecCheck(_message.Message):
    __slots__ = ("command",)
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    command: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, command: _Optional[_Iterable[str]] = ...) -> None: ...

class ContainerCheck(_message.Message):
    __slots__ = ("test", "interval_ms", "timeout_ms", "retries", "start_period_ms", "disabled")
    TEST_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    START_PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    test: _containers.RepeatedScalarFieldContainer[str]
    interval_ms: int
    timeout_ms: int
    retries: int
    start_period_ms: int
    disabled: bool
    def __init__(self, test: _Optional[_Iterable[str]] = ..., interval_ms: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., retries: _Optional[int] = ..., start_period_ms: _Optional[int] = ..., disabled: _Optional[bool] = ...) -> None: ...

class RestartPolicy(_message.Message):
    __slots__ = ("condition", "max_starts_without_ready", "max_starts_in_window", "window_ms", "backoff_min_ms", "backoff_max_ms")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    MAX_STARTS_WITHOUT_READY_FIELD_NUMBER: _ClassVar[int]
    MAX_STARTS_IN_WINDOW_FIELD_NUMBER: _ClassVar[int]
    WINDOW_MS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MIN_MS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MAX_MS_FIELD_NUMBER: _ClassVar[int]
    condition: RestartCondition
    max_starts_without_ready: int
    max_starts_in_window: int
    window_ms: int
    backoff_min_ms: int
    backoff_max_ms: int
    def __init__(self, condition: _Optional[_Union[RestartCondition, str]] = ..., max_starts_without_ready: _Optional[int] = ..., max_starts_in_window: _Optional[int] = ..., window_ms: _Optional[int] = ..., backoff_min_ms: _Optional[int] = ..., backoff_max_ms: _Optional[int] = ...) -> None: ...

class Security(_message.Message):
    __slots__ = ("cap_add", "privileged", "user", "read_only", "allow_new_privileges", "devices", "host_ipc", "host_network")
    CAP_ADD_FIELD_NUMBER: _ClassVar[int]
    PRIVILEGED_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    ALLOW_NEW_PRIVILEGES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    HOST_IPC_FIELD_NUMBER: _ClassVar[int]
    HOST_NETWORK_FIELD_NUMBER: _ClassVar[int]
    cap_add: _containers.RepeatedScalarFieldContainer[str]
    privileged: bool
    user: str
    read_only: bool
    allow_new_privileges: bool
    devices: _containers.RepeatedScalarFieldContainer[str]
    host_ipc: bool
    host_network: bool
    def __init__(self, cap_add: _Optional[_Iterable[str]] = ..., privileged: _Optional[bool] = ..., user: _Optional[str] = ..., read_only: _Optional[bool] = ..., allow_new_privileges: _Optional[bool] = ..., devices: _Optional[_Iterable[str]] = ..., host_ipc: _Optional[bool] = ..., host_network: _Optional[bool] = ...) -> None: ...

class Ulimit(_message.Message):
    __slots__ = ("name", "soft", "hard")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOFT_FIELD_NUMBER: _ClassVar[int]
    HARD_FIELD_NUMBER: _ClassVar[int]
    name: str
    soft: int
    hard: int
    def __init__(self, name: _Optional[str] = ..., soft: _Optional[int] = ..., hard: _Optional[int] = ...) -> None: ...

class RegistryLogin(_message.Message):
    __slots__ = ("registry", "file")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    registry: str
    file: str
    def __init__(self, registry: _Optional[str] = ..., file: _Optional[str] = ...) -> None: ...
