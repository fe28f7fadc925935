"""add-package: the prompt of a new work package."""

from __future__ import annotations

from specify_cli.core.drafts import PackageDraft
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, Name, Words
from specify_cli.orchestrator_api.values import argument


class AddPackageParams(Params):
    """Arguments of add-package."""

    mission: Name = argument(MISSION)
    title: Words = argument("Title of the package.")
    depends_on: list[str] = argument("Ids of the packages that must be approved first.", default=())
    owns: list[str] = argument("Patterns of the files that the package may change.", default=())
    subtask: list[str] = argument("Subtasks of the package.", default=())
    prompt: str | None = argument(
        "Instructions for the implementer.", default=None, is_private=True
    )


class AddPackageResult(MissionResult):
    """Data of add-package; no `lane_id` before the execution lanes are planned.

    `is_new` is false if the last package is exactly this one already.
    """

    wp_id: str
    prompt_path: str
    lane_id: str | None
    lane_mates: list[str]
    commit: str | None
    is_new: bool


def handle(params: AddPackageParams, cause: Cause, services: UseCases) -> AddPackageResult:
    """Write the prompt of the package."""
    draft = PackageDraft(
        title=params.title,
        dependencies=params.depends_on,
        owned_files=params.owns,
        subtasks=params.subtask,
        prompt=params.prompt,
    )
    added = services().authoring.add_package(params.mission, draft, cause)
    mission, wp_id = added.mission, added.wp_id
    is_planned = bool(mission.log.plan)
    return AddPackageResult(
        **fields_of(mission.identity),
        wp_id=wp_id,
        prompt_path=str(added.path),
        lane_id=mission.lane_ids[wp_id] if is_planned else None,
        lane_mates=[x for x in mission.lane_mates(wp_id) if x != wp_id] if is_planned else [],
        commit=added.commit,
        is_new=added.is_new,
    )


COMMAND = Command(
    name="add-package",
    params=AddPackageParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty tasks add 001-search \"Index\" --owns 'src/index/**'",
)
