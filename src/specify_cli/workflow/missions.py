"""Use cases that read missions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from specify_cli import clock
from specify_cli.core.claims import contest
from specify_cli.core.lanes import Lane
from specify_cli.errors import MissionNotFound, StateUnreadable, StorageFailed
from specify_cli.storage import records
from specify_cli.storage.missing_missions import known_elsewhere
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.mission_identity import identity_in
from specify_cli.storage.project import Project
from specify_cli.storage.record_entries import MissionMark
from specify_cli.workflow import liveness
from specify_cli.workflow.mission import OpenMission, open_mission
from specify_cli.workflow.mission_reports import (
    ListedMission,
    MissionPage,
    MissionReport,
    PackageReport,
)


class Missions:
    """Read the missions of a project; nothing here writes."""

    __slots__ = ("project",)

    def __init__(self, project: Project) -> None:
        self.project = project

    def page(self, covers: Callable[[str], bool], *, after: str | None, limit: int) -> MissionPage:
        """Return the first missions after a folder name that `covers` accepts; no other one is read.

        Raises:
            StateUnreadable, StorageFailed: the folder of missions cannot be read.
        """
        known = [x for x in all_missions(self.project) if (not after or x > after) and covers(x)]
        listed = tuple(_listed(self.project, slug) for slug in known[:limit])
        return MissionPage(listed, later=len(known) - len(listed))

    def elsewhere(self) -> list[tuple[str, str]]:
        """Return the folder of each mission that is not checked out, and the branch it was last on.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        return known_elsewhere(self.project)

    def own_target(self, slug: str) -> str:
        """Return the branch that the mission in the folder `slug` is merged into, according to its files.

        Raises:
            StateUnreadable: the state of the project is damaged.
        """
        return MissionFiles(self.project, slug).identity().own_target

    def mark(self, slug: str) -> MissionMark:
        """Return the mark of the mission in the folder `slug`.

        Raises:
            StateUnreadable, StorageFailed: the record cannot be read.
        """
        record = records.found(self.project)
        return MissionMark() if record is None else record.mark_of(slug)

    def state(self, selector: str) -> MissionReport:
        """Return the mission with all its packages.

        Raises:
            MissionNotFound, MissionAmbiguous: the selector does not name exactly one mission.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        return self.report(open_mission(self.project, selector))

    @staticmethod
    def report(mission: OpenMission) -> MissionReport:
        """Return the mission with all its packages."""
        packages = {wp_id: _package_report(mission, wp_id) for wp_id in mission.packages}
        # If the signs of life cannot be read, none is reported and no claim is reported as stale.
        with suppress(StateUnreadable, StorageFailed):
            now = clock.now()
            for wp_id, life in liveness.lives(mission).items():
                packages[wp_id] = packages[wp_id]._replace(
                    last_sign_of_life=life.sign,
                    is_stale=life.stale_at is not None and now >= life.stale_at,
                )
        return MissionReport(
            mission=mission.identity,
            packages=tuple(packages.values()),
            warnings=tuple(
                filter(
                    None,
                    (
                        mission.log.standing,
                        *(
                            contest(mission.state_of(x), x, mission=mission.shell_name)
                            for x in mission.packages
                        ),
                    ),
                )
            ),
        )

    def ready(self, selector: str) -> MissionReport:
        """Return the mission with only those packages that are planned and can start.

        There is at most one for each execution lane, and none while the lane is occupied.

        Raises:
            MissionNotFound, MissionAmbiguous: the selector does not name exactly one mission.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        mission = open_mission(self.project, selector)
        ready = (x for x in mission.packages if mission.turns.get(x) == x)
        packages = (_package_report(mission, x) for x in ready)
        return MissionReport(
            mission=mission.identity,
            packages=tuple(
                package._replace(recommended_base=_recommended_base(mission, package.wp_id))
                for package in packages
                if package.lane is Lane.PLANNED
            ),
        )


def _listed(project: Project, slug: str) -> ListedMission:
    files = MissionFiles(project, slug)
    # From the name of its folder, if its files do not say it.
    identity = identity_in({}, slug=slug, path=files.folder)
    try:
        identity = files.identity()
        mission = open_mission(project, slug)
        return ListedMission(
            mission=identity,
            lanes=tuple(mission.state_of(x).lane for x in mission.packages),
            is_accepted=mission.state.accepted_at is not None,
        )
    except (MissionNotFound, StateUnreadable, StorageFailed) as error:
        return ListedMission(mission=identity, problem=error.message)


def _recommended_base(mission: OpenMission, wp_id: str) -> str | None:
    if not mission.package(wp_id).dependencies:
        return None
    from specify_cli.workflow.lane_workspaces import recommended_base

    return recommended_base(mission, wp_id)


def _package_report(mission: OpenMission, wp_id: str) -> PackageReport:
    package, state = mission.package(wp_id), mission.state_of(wp_id)
    ticks = mission.subtask_ticks(wp_id)
    return PackageReport(
        wp_id=wp_id,
        title=package.title,
        lane=state.lane,
        dependencies=package.dependencies,
        unsatisfied_dependencies=mission.unsatisfied(wp_id),
        last_actor=state.last_actor,
        claimed_by=state.claimed_by,
        reviewer=state.reviewer,
        since=state.since,
        lane_id=mission.lane_ids[wp_id],
        prompt_path=package.prompt_path,
        subtasks_done=sum(ticks.values()),
        subtasks_total=len(ticks),
        commit=state.commit or None,
        waiting_for_lane=mission.waiting_for_lane(wp_id),
        feedback=state.feedback,
        contested=state.contested,
        blocked_from=state.blocked_from,
        blocked_note=state.blocked_note,
    )
