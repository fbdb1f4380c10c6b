from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlanAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLAN_ACTION_UNSPECIFIED: _ClassVar[PlanAction]
    PLAN_ACTION_START: _ClassVar[PlanAction]
    PLAN_ACTION_STOP: _ClassVar[PlanAction]
    PLAN_ACTION_RESTART: _ClassVar[PlanAction]
    PLAN_ACTION_KEEP: _ClassVar[PlanAction]
    PLAN_ACTION_UNPLACED: _ClassVar[PlanAction]
PLAN_ACTION_UNSPECIFIED: PlanAction
PLAN_ACTION_START: PlanAction
PLAN_ACTION_STOP: PlanAction
PLAN_ACTION_RESTART: PlanAction
PLAN_ACTION_KEEP: PlanAction
PLAN_ACTION_UNPLACED: PlanAction

class SettingsFile(_message.Message):
    __slots__ = ("name", "text", "env_files", "variables")
    class EnvFilesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ENV_FILES_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    env_files: _containers.ScalarMap[str, str]
    variables: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., env_files: _Optional[_Mapping[str, str]] = ..., variables: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PlanSettingsRequest(_message.Message):
    __slots__ = ("project", "files", "env_files")
    class EnvFilesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    ENV_FILES_FIELD_NUMBER: _ClassVar[int]
    project: str
    files: _containers.RepeatedCompositeFieldContainer[SettingsFile]
    env_files: _containers.ScalarMap[str, str]
    def __init__(self, project: _Optional[str] = ..., files: _Optional[_Iterable[_Union[SettingsFile, _Mapping]]] = ..., env_files: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PlanSettingsResponse(_message.Message):
    __slots__ = ("plan",)
    PLAN_FIELD_NUMBER: _ClassVar[int]
    plan: Plan
    def __init__(self, plan: _Optional[_Union[Plan, _Mapping]] = ...) -> None: ...

class ApplySettingsRequest(_message.Message):
    __slots__ = ("project", "files", "env_files", "expected_revision", "idempotency_key")
    class EnvFilesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    ENV_FILES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_REVISION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    project: str
    files: _containers.RepeatedCompositeFieldContainer[SettingsFile]
    env_files: _containers.ScalarMap[str, str]
    expected_revision: int
    idempotency_key: str
    def __init__(self, project: _Optional[str] = ..., files: _Optional[_Iterable[_Union[SettingsFile, _Mapping]]] = ..., env_files: _Optional[_Mapping[str, str]] = ..., expected_revision: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ApplySettingsResponse(_message.Message):
    __slots__ = ("operation_id", "plan")
    OPERATION_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    operation_id: int
    plan: Plan
    def __init__(self, operation_id: _Optional[int] = ..., plan: _Optional[_Union[Plan, _Mapping]] = ...) -> None: ...

class Plan(_message.Message):
    __slots__ = ("project", "from_revision", "to_revision", "steps", "notices")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FROM_REVISION_FIELD_NUMBER: _ClassVar[int]
    TO_REVISION_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    project: str
    from_revision: int
    to_revision: int
    steps: _containers.RepeatedCompositeFieldContainer[PlanStep]
    notices: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., from_revision: _Optional[int] = ..., to_revision: _Optional[int] = ..., steps: _Optional[_Iterable[_Union[PlanStep, _Mapping]]] = ..., notices: _Optional[_Iterable[str]] = ...) -> None: ...

class PlanStep(_message.Message):
    __slots__ = ("action", "instance", "group", "slot", "host", "reason", "service", "variety", "profile", "image", "relaxations", "needs_pull", "memory_bytes", "replica_id", "candidates")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    RELAXATIONS_FIELD_NUMBER: _ClassVar[int]
    NEEDS_PULL_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    action: PlanAction
    instance: str
    group: str
    slot: int
    host: str
    reason: str
    service: str
    variety: str
    profile: str
    image: str
    relaxations: _containers.RepeatedScalarFieldContainer[str]
    needs_pull: bool
    memory_bytes: int
    replica_id: str
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    def __init__(self, action: _Optional[_Union[PlanAction, str]] = ..., instance: _Optional[str] = ..., group: _Optional[str] = ..., slot: _Optional[int] = ..., host: _Optional[str] = ..., reason: _Optional[str] = ..., service: _Optional[str] = ..., variety: _Optional[str] = ..., profile: _Optional[str] = ..., image: _Optional[str] = ..., relaxations: _Optional[_Iterable[str]] = ..., needs_pull: _Optional[bool] = ..., memory_bytes: _Optional[int] = ..., replica_id: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("host", "variety", "fits", "reason")
    HOST_FIELD_NUMBER: _ClassVar[int]
    VARIETY_FIELD_NUMBER: _ClassVar[int]
    FITS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    host: str
    variety: str
    fits: bool
    reason: str
    def __init__(self, host: _Optional[str] = ..., variety: _Optional[str] = ..., fits: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class SettingsProblems(_message.Message):
    __slots__ = ("problems", "more")
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    more: bool
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("file", "line", "column", "path", "message", "hint")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., path: _Optional[str] = ..., message: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...
