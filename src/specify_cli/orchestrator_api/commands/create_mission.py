"""create-mission: create the folder of a new mission."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import Name, Words
from specify_cli.orchestrator_api.values import argument


class CreateMissionParams(Params):
    """Arguments of create-mission."""

    title: Words = argument("Title of the mission.")
    slug: Name | None = argument("Folder name. Default: from the title.", default=None)
    mission_type: Name | None = argument("Type of mission. Default: software-dev.", default=None)
    target: Name | None = argument("Branch to merge into. Default: the current one.", default=None)


class CreateMissionResult(MissionResult):
    """Data of create-mission."""

    target_branch: str | None


def handle(params: CreateMissionParams, cause: Cause, services: UseCases) -> CreateMissionResult:
    """Create the folder."""
    identity = services().authoring.create_mission(
        params.title,
        slug=params.slug,
        mission_type=params.mission_type,
        target=params.target,
    )
    return CreateMissionResult(**fields_of(identity), target_branch=identity.target_branch)


COMMAND = Command(
    name="create-mission",
    params=CreateMissionParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example='spec-kitty mission create "Full-text search"',
)
