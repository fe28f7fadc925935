"""Open a mission for a change, under its lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from specify_cli.errors import error_details
from specify_cli.files import locks
from specify_cli.storage import lane_plans, union_merge
from specify_cli.storage.project import Project
from specify_cli.workflow.mission import (
    LONGEST_SHOWN,
    OpenMission,
    existing_files,
    read_mission,
)


@contextmanager
def changing_mission(project: Project, slug: str) -> Iterator[OpenMission]:
    """Open the mission in the folder `slug`, and lock it for the duration of the block.

    If a request has decided on the mission, the lock is kept until that decision is committed.

    Raises:
        MissionNotFound: there is no such mission.
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    files = existing_files(project, slug)
    with ExitStack() as stack:
        stack.enter_context(locks.held(files.lock))
        mission = _with_plan(read_mission(files, files.log.take_in(), is_kept=True))
        _arrange_merges(project)
        with error_details(mission_slug=mission.slug, target_branch=mission.target_branch):
            yield mission
        for decision in mission.decisions[-1:]:
            decision.keep(stack.pop_all())


@contextmanager
def changing_package(project: Project, selector: str, wp_id: str) -> Iterator[OpenMission]:
    """Do the same as `changing_mission`, for a mission that has the package.

    Raises:
        WorkPackageNotFound: the mission has no such package.
    """
    with error_details(wp_id=wp_id[:LONGEST_SHOWN]), changing_mission(project, selector) as mission:
        mission.package(wp_id)
        yield mission


_arranged: dict[Path, bool] = {}
"""The projects for which this process has tried `_arrange_merges`, and whether that worked."""


def _arrange_merges(project: Project) -> None:
    """Have git merge logs line by line, before this process writes its first line."""
    if not _arranged.get(project.root):
        was_tried = project.root in _arranged
        _arranged[project.root] = union_merge.arrange(project, was_tried=was_tried)


def _with_plan(mission: OpenMission) -> OpenMission:
    """Adopt the plan in `lanes.json` if the record has none; restore the file if it is missing."""
    if os.path.lexists(mission.files.lanes_path):
        if mission.log.plan:
            return mission
        plan = lane_plans.taken_over(mission.files)
        return mission.changed(log=mission.log._replace(plan=plan))
    if mission.log.plan:
        # The file is rarely missing.
        from specify_cli.workflow.host_files import restore_lanes

        restore_lanes(mission)
    return mission
