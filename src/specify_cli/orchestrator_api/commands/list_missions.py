"""list-missions: the missions of this project that the caller may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from specify_cli.core.lanes import Lane
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Command, PartialResult, mission_fields
from specify_cli.orchestrator_api.values import Value

if TYPE_CHECKING:
    from specify_cli.workflow.context import RequestContext
    from specify_cli.workflow.mission_reports import ListedMission
    from specify_cli.workflow.services import Services


class ListMissionsParams(Params):
    """list-missions takes no arguments."""


class MissionInList(Value):
    """One mission."""

    mission_slug: str
    mission_number: int | None
    mission_type: str
    mission_id: str | None = None
    title: str
    target_branch: str
    accepted: bool | None = None
    merged: bool | None = None
    summary: dict[str, int] | None = None
    problem: str | None = None

    @classmethod
    def of(cls, listed: ListedMission) -> MissionInList:
        """The wire form of the report."""
        counted, is_read = Counter(lane.value for lane in listed.lanes), listed.problem is None
        summary = {lane.value: counted[lane.value] for lane in Lane} | {"total": len(listed.lanes)}
        return cls(
            **mission_fields(listed.mission),
            title=listed.mission.title,
            target_branch=listed.mission.own_target,
            accepted=listed.is_accepted if is_read else None,
            merged=listed.is_merged if is_read else None,
            summary=summary if is_read else None,
            problem=listed.problem,
        )


class MissionElsewhere(Value):
    """A mission that is not checked out, and the branch that its log was last written on."""

    mission_slug: str
    branch: str


class ListMissionsResult(PartialResult):
    """Data of list-missions."""

    missions: list[MissionInList]
    not_checked_out: list[MissionElsewhere]


def handle(
    params: ListMissionsParams, cause: RequestContext, services: Callable[[], Services]
) -> ListMissionsResult:
    """Return every mission that the caller may see, by folder name."""
    missions = services().missions
    return ListMissionsResult(
        missions=[MissionInList.of(it) for it in missions.listed(cause.covers_mission)],
        not_checked_out=[
            MissionElsewhere(mission_slug=slug, branch=branch)
            for slug, branch in missions.elsewhere()
            if cause.covers_mission(slug)
        ],
    )


COMMAND = Command(
    name="list-missions",
    params=ListMissionsParams,
    handle=handle,
    example="spec-kitty orchestrator-api list-missions",
)
