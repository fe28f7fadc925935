"""list-missions: the missions of this project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Command, Result, mission_fields

if TYPE_CHECKING:
    from specify_cli.workflow.context import RequestContext
    from specify_cli.workflow.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMissionsParams(Params):
    """list-missions takes no arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMissionsResult(Result):
    """Data of list-missions."""

    missions: list[dict[str, Any]]
    not_checked_out: list[dict[str, Any]]


def handle(
    params: ListMissionsParams, cause: RequestContext, services: Callable[[], Services]
) -> ListMissionsResult:
    """Every mission with its title, by folder name; and those that are not checked out, each with its branch."""
    missions = services().missions
    return ListMissionsResult(
        missions=[mission_fields(m) | {"title": m.title} for m in missions.known()],
        not_checked_out=[
            {"mission_slug": slug, "branch": branch} for slug, branch in missions.elsewhere()
        ],
    )


COMMAND = Command(
    name="list-missions",
    params=ListMissionsParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty status",
)
