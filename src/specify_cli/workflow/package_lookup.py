"""Find the package that a request names."""

from __future__ import annotations

from specify_cli.errors import error_details
from specify_cli.storage.project import Project
from specify_cli.workflow.mission import LONGEST_SHOWN, OpenMission, open_mission


def open_package(project: Project, slug: str, wp_id: str) -> OpenMission:
    """Read the mission in the folder `slug`, which must have the package.

    Raises:
        MissionNotFound: there is no such mission.
        WorkPackageNotFound: the mission has no such package.
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    mission = open_mission(project, slug)
    with error_details(mission_slug=mission.slug, wp_id=wp_id[:LONGEST_SHOWN]):
        mission.package(wp_id)
    return mission
