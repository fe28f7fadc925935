"""What a command is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.values import Value, as_json, fields

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.validated_request import ValidatedRequest
    from specify_cli.storage.mission_identity import MissionIdentity
    from specify_cli.storage.record_entries import MissionMark
    from specify_cli.workflow.context import RequestContext
    from specify_cli.workflow.services import Services

Cause: TypeAlias = "RequestContext"

UseCases: TypeAlias = "Callable[[], Services]"
"""Returns the use cases of the project."""


class Result(Value):
    """Base of every command's `data`."""

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON values."""
        data: dict[str, Any] = as_json(self)
        return data


class PartialResult(Result):
    """Base of `data` in which a field, also of a part, that defaults to None is left out then."""

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON values."""
        data: dict[str, Any] = _without_absent(self)
        return data


class MissionResult(PartialResult):
    """Base of every `data` about a mission.

    `redacted` names the arguments that had a credential in them; it is left out where none had.
    """

    mission_slug: str
    mission_number: int | None
    mission_type: str
    mission_id: str | None = None
    redacted: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON values."""
        data = PartialResult.as_data(self)
        if not self.redacted:
            del data["redacted"]
        return data


def _without_absent(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Value):
        return {
            it.name: _without_absent(part)
            for it in fields(type(value))
            if (part := getattr(value, it.name)) is not None or it.default is not None
        }
    return [_without_absent(it) for it in value] if isinstance(value, (list, tuple)) else value


def fields_of(identity: MissionIdentity) -> dict[str, Any]:
    """The fields of a mission's identity as every MissionResult has them."""
    return {
        "mission_slug": identity.slug,
        "mission_number": identity.number,
        "mission_type": identity.mission_type,
        "mission_id": identity.mission_id,
    }


def never(params: Any) -> bool:
    """Policy metadata is optional."""
    return False


def always(params: Any) -> bool:
    """Policy metadata is required."""
    return True


class Command(NamedTuple):
    """A command: its parameters, its result and its handler.

    `mends_record`: it also runs if the record is older than the published journal.
    `is_force_for_people`: no orchestrator may use its `force`, whatever its grant.
    `add_position`: it can wait for a change: `positions.add_position`, for `PositionedParams` and a `PositionedResult`.
    `is_batched`: it is tried in a batch, and raises `NotInBatch` if it needs git, a taken lock or long reads.
    """

    name: str
    params: type[Params]
    handle: Callable[[Any, Cause, UseCases], Result]
    example: str
    changes_state: bool = False
    is_batched: bool = False
    add_position: Callable[[dict[str, Any], ValidatedRequest, MissionMark], None] | None = None
    takes_policy: bool = False
    needs_policy: Callable[[Any], bool] = never
    check: Callable[[Any], None] | None = None
    is_for_people: bool = False
    is_force_for_people: bool = False
    mends_record: bool = False

    @property
    def wire_name(self) -> str:
        """The command's name in an envelope."""
        program = "spec-kitty" if self.is_for_people else "orchestrator-api"
        return f"{program}.{self.name}"
