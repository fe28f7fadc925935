"""edit-package: change a work package before its work begins."""

from __future__ import annotations

from collections.abc import Sequence

from specify_cli.core.drafts import PackageEdit
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument

NONE = "none"
"""Stands for an empty list."""


class EditPackageParams(Params):
    """Arguments of edit-package."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    title: Words | None = argument("New title.", default=None)
    depends_on: list[str] = argument("Dependencies; 'none' removes all.", default=())
    owns: list[str] = argument("Patterns of its files; 'none' removes all.", default=())
    prompt: str | None = argument("New instructions.", default=None, is_private=True)
    content: str | None = argument("New content of the prompt.", default=None, is_private=True)


class EditPackageResult(MissionResult):
    """Data of edit-package: the names of the fields that changed, and the files that were written."""

    wp_id: str
    changed: list[str]
    files: list[str]
    lanes: dict[str, list[str]]
    commit: str | None
    holder: str | None


def handle(params: EditPackageParams, cause: Cause, services: UseCases) -> EditPackageResult:
    """Change the package."""
    edit = PackageEdit(
        wp_id=params.wp,
        title=params.title,
        dependencies=_listed(params.depends_on),
        owned_files=_listed(params.owns),
        prompt=params.prompt,
        content=params.content,
    )
    report = services().package_changes.edit(params.mission, edit, cause)
    mission = report.mission
    return EditPackageResult(
        **fields_of(mission.identity),
        wp_id=report.wp_id,
        changed=list(report.changed),
        files=[str(path) for path in report.files],
        lanes={lane.lane_id: list(lane.wp_ids) for lane in mission.lanes},
        commit=report.commit,
        holder=report.holder,
    )


def _listed(names: Sequence[str]) -> Sequence[str] | None:
    if [name.strip().casefold() for name in names] == [NONE]:
        return ()
    return names or None


COMMAND = Command(
    name="edit-package",
    params=EditPackageParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty tasks edit WP02 --owns 'src/query/**'",
)
