"""The shape of `config.toml`, for pydantic.

Source: `contract/v1/schemas/config.json`; a test holds both together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from specify_cli.ids import DEFAULT_ORCHESTRATOR
from specify_cli.orchestrator_api import validation
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.protocol import (
    MAX_DAILY_BYTES,
    MAX_DAILY_REQUESTS,
    MAX_REQUEST_BYTES,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    is_orchestrator,
)
from specify_cli.storage.settings import (
    HooksRule,
    IntakeRule,
    ObjectsRule,
    OwnedFilesRule,
    SelfReviewRule,
)

FILTER = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
MOST_ORCHESTRATORS = 256
LARGEST_UID = 2**32 - 2
MOST_WAITING = 1_000_000
MOST_WAITING_BYTES = 16 * 1024**3
MOST_REQUEST_BYTES = 16 * 1024**2
MOST_PATHS = 64
MOST_GIT_TIMEOUT_S = 3600
MOST_PUSH_TIMEOUT_S = 24 * 3600
MOST_STALE_AFTER_S = 365 * 24 * 3600
MOST_FILTERS = 64
MOST_INTAKE_BYTES = 1024**4
MOST_INTAKE_FILES = 10_000_000
MOST_TRASH_DAYS = 3650
MOST_DAYS = 36_500
MOST_KEPT_BYTES = 1024**4
MOST_KEPT_COUNT = 10**9
MOST_DAILY_REQUESTS = 100_000_000
MOST_DAILY_BYTES = 1024**4

Word: TypeAlias = Literal[
    "all",
    "read-only",
    "contract-version",
    "mission-state",
    "list-ready",
    "resolve-workspace",
    "start-implementation",
    "start-review",
    "transition",
    "append-history",
    "accept-mission",
    "merge-mission",
    "heartbeat",
    "release-claim",
    "list-missions",
    "show-prompt",
    "package-history",
    "mark-subtasks",
]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Glob: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
MissionGlob: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^[^/\x00-\x1f\x7f]+$")]
PathText: TypeAlias = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")]
Values: TypeAlias = Annotated[tuple[Text, ...], Field(min_length=1)]


def _checked_name(name: str) -> str:
    is_reserved = name.lower() == DEFAULT_ORCHESTRATOR != name
    if not is_orchestrator(name) or is_reserved:
        raise ValueError(
            "it is not a valid orchestrator name: 1 to 64 of A-Z a-z 0-9 . _ -, no dot first,"
            " not ending in .json, .jsonl or .tmp"
        )
    return name


def _checked_filter(name: str) -> str:
    if not FILTER.fullmatch(name):
        raise ValueError(f"{name!a} is not the name of a filter: 1 to 64 of A-Z a-z 0-9 . _ -")
    return name


def _named_once(names: tuple[str, ...]) -> tuple[str, ...]:
    again = next((name for name in names if names.count(name) > 1), None)
    if again is not None:
        raise ValueError(f"it names {again!a} more than once")
    return names


Name: TypeAlias = Annotated[str, AfterValidator(_checked_name)]
Filters: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_checked_filter)], ...],
    Field(max_length=MOST_FILTERS),
    AfterValidator(_named_once),
]


class PolicyTable(Params):
    """For a field of the policy the values that may be declared."""

    orchestrator_id: Values | None = None
    orchestrator_version: Values | None = None
    agent_family: Values | None = None
    approval_mode: Values | None = None
    sandbox_mode: Values | None = None
    network_mode: Values | None = None
    dangerous_flags: tuple[Text, ...] | None = None
    tool_restrictions: Values | None = None


class QuotaTable(Params):
    """Bounds on what may wait, and on what is taken a day."""

    max_waiting: Annotated[int, Field(ge=1, le=MOST_WAITING)] = MAX_WAITING
    max_waiting_bytes: Annotated[int, Field(ge=1, le=MOST_WAITING_BYTES)] = MAX_WAITING_BYTES
    max_request_bytes: Annotated[int, Field(ge=1, le=MOST_REQUEST_BYTES)] = MAX_REQUEST_BYTES
    max_daily_requests: Annotated[int, Field(ge=1, le=MOST_DAILY_REQUESTS)] = MAX_DAILY_REQUESTS
    max_daily_bytes: Annotated[int, Field(ge=1, le=MOST_DAILY_BYTES)] = MAX_DAILY_BYTES


class OrchestratorTable(Params):
    """What one orchestrator is granted."""

    commands: Annotated[tuple[Word, ...], Field(min_length=1)]
    missions: Annotated[tuple[MissionGlob, ...], Field(min_length=1)] | None = None
    actors: Annotated[tuple[Glob, ...], Field(min_length=1)] | None = None
    targets: Annotated[tuple[Glob, ...], Field(min_length=1)] | None = None
    push: bool = False
    uid: Annotated[int, Field(ge=0, le=LARGEST_UID)] | None = None
    policy: PolicyTable = PolicyTable()
    quota: QuotaTable = QuotaTable()
    paths: Annotated[dict[PathText, PathText], Field(max_length=MOST_PATHS)] | None = None


class ConfigTable(Params):
    """The whole file; None stands for the default of `HostSettings`."""

    git_timeout_s: Annotated[int, Field(ge=1, le=MOST_GIT_TIMEOUT_S)] | None = None
    push_timeout_s: Annotated[int, Field(ge=1, le=MOST_PUSH_TIMEOUT_S)] | None = None
    owned_files: OwnedFilesRule | None = None
    self_review: SelfReviewRule | None = None
    stale_after_s: Annotated[int, Field(ge=1, le=MOST_STALE_AFTER_S)] | None = None
    workspace_objects: ObjectsRule | None = None
    hooks: HooksRule | None = None
    filters: Filters | None = None
    intake: IntakeRule | None = None
    intake_max_bytes: Annotated[int, Field(ge=1, le=MOST_INTAKE_BYTES)] | None = None
    intake_max_files: Annotated[int, Field(ge=1, le=MOST_INTAKE_FILES)] | None = None
    trash_days: Annotated[int, Field(ge=0, le=MOST_TRASH_DAYS)] | None = None
    trash_max_count: Annotated[int, Field(ge=0, le=MOST_KEPT_COUNT)] | None = None
    trash_max_bytes: Annotated[int, Field(ge=0, le=MOST_KEPT_BYTES)] | None = None
    reads_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None
    reads_max_bytes: Annotated[int, Field(ge=0, le=MOST_KEPT_BYTES)] | None = None
    reads_max_count: Annotated[int, Field(ge=0, le=MOST_KEPT_COUNT)] | None = None
    replies_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None
    replies_max_count: Annotated[int, Field(ge=0, le=MOST_KEPT_COUNT)] | None = None
    replies_max_bytes: Annotated[int, Field(ge=0, le=MOST_KEPT_BYTES)] | None = None
    journal_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None
    journal_max_bytes: Annotated[int, Field(ge=0, le=MOST_KEPT_BYTES)] | None = None
    archive_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None
    archive_max_bytes: Annotated[int, Field(ge=0, le=MOST_KEPT_BYTES)] | None = None
    letters_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None
    letters_max_count: Annotated[int, Field(ge=0, le=MOST_KEPT_COUNT)] | None = None
    orchestrators: (
        Annotated[dict[Name, OrchestratorTable], Field(min_length=1, max_length=MOST_ORCHESTRATORS)]
        | None
    ) = None


def validate(table: Mapping[str, Any]) -> tuple[ConfigTable | None, list[tuple[str, str]]]:
    """The table, or complaints as (path of the key, what is wrong there)."""
    found, complaints = validation.validate(ConfigTable, dict(_plain(table)))
    problems = [(key.removesuffix(".[key]"), problem) for key, problem in complaints]
    # Where a key is missing and another is unknown, that one is most often the first, misspelled.
    return found, sorted(problems, key=lambda complaint: complaint[1] == validation.MISSING)


def _plain(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The table's items as JSON has them; a date or time, which JSON has not, fits nowhere."""
    for key, value in table.items():
        yield key, _plain_value(value)


def _plain_value(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(_plain(value))
    if isinstance(value, list):
        return [_plain_value(inner) for inner in value]
    return value if isinstance(value, str | int | float) else {"": None}
