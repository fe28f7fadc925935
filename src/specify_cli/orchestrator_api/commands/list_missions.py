"""list-missions: the missions of this project that the caller may see."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

from specify_cli.core.lanes import Lane
from specify_cli.orchestrator_api.arguments import Constraint, Params
from specify_cli.orchestrator_api.command import Cause, Command, PartialResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import Name, shown_title
from specify_cli.orchestrator_api.values import Value, argument

if TYPE_CHECKING:
    from specify_cli.workflow.mission_reports import ListedMission

MOST: Final = 500
"""The maximum number of missions in an answer."""
Limit = Constraint((("ge", 1), ("le", MOST)))


class ListMissionsParams(Params):
    """Arguments of list-missions."""

    limit: Annotated[int, Limit] = argument("Maximum number of missions, up to 500.", default=MOST)
    after: Name | None = argument("Folder name: only missions after it.", default=None)


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
            **fields_of(listed.mission),
            title=shown_title(listed.mission.title),
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
    later: int
    not_checked_out: list[MissionElsewhere]
    not_checked_out_total: int | None = None


def handle(params: ListMissionsParams, cause: Cause, services: UseCases) -> ListMissionsResult:
    """Return the missions that the caller may see, by folder name."""
    missions = services().missions
    page = missions.page(cause.covers_mission, after=params.after, limit=params.limit)
    elsewhere = [it for it in missions.elsewhere() if cause.covers_mission(it[0])]
    return ListMissionsResult(
        missions=[MissionInList.of(it) for it in page.missions],
        later=page.later,
        not_checked_out=[
            MissionElsewhere(mission_slug=slug, branch=branch) for slug, branch in elsewhere[:MOST]
        ],
        not_checked_out_total=len(elsewhere) if len(elsewhere) > MOST else None,
    )


COMMAND = Command(
    name="list-missions",
    params=ListMissionsParams,
    handle=handle,
    example="spec-kitty orchestrator-api list-missions --limit 50",
)
