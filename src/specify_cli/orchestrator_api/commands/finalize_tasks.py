"""finalize-tasks: the packages of a mission fit together, and its lanes are planned."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import Value, argument


class FinalizeTasksParams(Params):
    """Arguments of finalize-tasks."""

    mission: Name = argument(MISSION)


class FilesInCommon(Value):
    """Why `wp_id` is worked on when `other` is not: `owned_files` of each that stand for the same files."""

    wp_id: str
    other: str
    owned_files: list[str]


class FinalizeTasksResult(MissionResult):
    """Data of finalize-tasks; `taken_over` names fields that front matter now has from `tasks.md`."""

    work_packages: list[str]
    taken_over: dict[str, list[str]]
    lanes: dict[str, list[str]]
    one_after_another: list[FilesInCommon]


def handle(params: FinalizeTasksParams, cause: Cause, services: UseCases) -> FinalizeTasksResult:
    """The lanes are written down."""
    report = services().authoring.finalize(params.mission)
    mission = report.mission
    return FinalizeTasksResult(
        **fields_of(mission.identity),
        work_packages=list(mission.packages),
        taken_over={wp_id: list(names) for wp_id, names in report.taken_over.items()},
        lanes={lane.lane_id: list(lane.wp_ids) for lane in mission.lanes},
        one_after_another=[
            FilesInCommon(wp_id=it.wp_id, other=it.other, owned_files=list(it.patterns))
            for it in mission.overlaps()
        ],
    )


COMMAND = Command(
    name="finalize-tasks",
    params=FinalizeTasksParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty tasks finalize 001-search",
)
