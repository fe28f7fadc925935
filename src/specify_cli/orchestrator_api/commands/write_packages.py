"""write-packages: the work packages that `tasks.md` outlines are made, checked and committed."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import argument


class WritePackagesParams(Params):
    """Arguments of write-packages."""

    mission: Name = argument(MISSION)


class WritePackagesResult(MissionResult):
    """Data of write-packages; `differing` names what a prompt says otherwise than `tasks.md`."""

    work_packages: list[str]
    written: list[str]
    differing: dict[str, list[str]]
    lanes: dict[str, list[str]]
    commit: str | None


def handle(params: WritePackagesParams, cause: Cause, services: UseCases) -> WritePackagesResult:
    """Create the packages."""
    report = services().packages.write(params.mission, cause)
    mission = report.mission
    return WritePackagesResult(
        **fields_of(mission.identity),
        work_packages=list(mission.packages),
        written=list(report.written),
        differing={wp_id: list(names) for wp_id, names in report.differing.items()},
        lanes={lane.lane_id: list(lane.wp_ids) for lane in mission.lanes},
        commit=report.commit,
    )


COMMAND = Command(
    name="write-packages",
    params=WritePackagesParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty tasks --mission 001-search",
)
