"""Positions: what a caller has seen of a mission, and whether an answer waits until there is more to see."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Final

from specify_cli import clock
from specify_cli.errors import UsageError
from specify_cli.orchestrator_api.arguments import Constraint, Params, Position
from specify_cli.orchestrator_api.command import MissionResult
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import argument
from specify_cli.storage.request_file import Unchanged, Wait

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.validated_request import ValidatedRequest
    from specify_cli.storage.record_entries import MissionMark

LONGEST_WAIT_S: Final = 300
Seconds = Annotated[int, Constraint((("ge", 0), ("le", LONGEST_WAIT_S)))]

_OWNER_DIGITS: Final = 8
_CONTENT_BYTES: Final = 12


class PositionedParams(Params):
    """Arguments of a command that can wait for a change."""

    mission: Name = argument(MISSION)
    after: Annotated[str, Position] | None = argument("Position in an earlier reply.", default=None)
    wait_s: Seconds | None = argument("Wait up to N seconds for a change.", default=None)


class PositionedResult(MissionResult):
    """Data of a command that can wait for a change; `add_position` sets these fields."""

    position: str
    changed: bool | None = None


def add_position(data: dict[str, Any], judgement: ValidatedRequest, mark: MissionMark) -> None:
    """Add the position to the answer `data`, and whether it differs from that in the request.

    `mark` is the mission's mark before its state was read.

    Raises:
        UsageError: the position in the request is not one of this command and mission.
        Unchanged: there is no change yet, and the request can wait for one.
    """
    params: Any = judgement.params
    owner, content = _owner(data, judgement), _content(data, mark)
    data["position"] = owner + content
    if params.after is None:
        return
    if not params.after.startswith(owner) or len(params.after) != len(data["position"]):
        raise UsageError(
            "argument 'after' (--after): it is not a position of this command and mission: use the"
            " 'position' of an earlier reply, or leave it out"
        )
    data["changed"] = params.after != data["position"]
    if judgement.can_wait and params.wait_s and not data["changed"]:
        left_s = float(params.wait_s)
        if judgement.request.not_after is not None:
            expires_in = judgement.request.not_after - clock.now()
            left_s = min(left_s, expires_in.total_seconds())
        slug = data["mission_slug"]
        wait = Wait(slug=slug, seen=params.after, newest=mark.newest, left_s=left_s)
        raise Unchanged(wait)


def _owner(data: dict[str, Any], judgement: ValidatedRequest) -> str:
    mission = data.get("mission_id") or data["mission_slug"]
    text = json.dumps([judgement.wire_name, mission])
    return hashlib.sha256(text.encode()).hexdigest()[:_OWNER_DIGITS]


def _content(data: dict[str, Any], mark: MissionMark) -> str:
    """Return a digest of the answer.

    It is keyed, so that it does not reveal what is redacted later. It differs after a rewind, also if
    the answer does not.
    """
    text = json.dumps([data, mark.rewritten], separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=_CONTENT_BYTES, key=mark.key).hexdigest()
