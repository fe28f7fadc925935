"""remove-package: remove a work package that has no history."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import argument


class RemovePackageParams(Params):
    """Arguments of remove-package."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    preview: bool = argument("Only show what would be removed.", default=False)


class RemovePackageResult(MissionResult):
    """Data of remove-package: the files that were removed or changed, and the execution lanes left."""

    wp_id: str
    title: str | None
    files: list[str]
    lanes: dict[str, list[str]]
    commit: str | None


def handle(params: RemovePackageParams, cause: Cause, services: UseCases) -> RemovePackageResult:
    """Remove the package."""
    report = services().package_changes.remove(
        params.mission, params.wp, cause, is_preview=params.preview
    )
    mission = report.mission
    package = mission.packages.get(report.wp_id)
    return RemovePackageResult(
        **fields_of(mission.identity),
        wp_id=report.wp_id,
        title=package.title if package else None,
        files=[str(path) for path in report.files],
        lanes={lane.lane_id: list(lane.wp_ids) for lane in mission.lanes},
        commit=report.commit,
    )


COMMAND = Command(
    name="remove-package",
    params=RemovePackageParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty tasks remove WP02",
)
