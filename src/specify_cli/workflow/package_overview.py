"""The use case that shows a package to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specify_cli.core.claims import contest
from specify_cli.core.lanes import Lane
from specify_cli.storage.checkboxes import titles_in
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.workflow.authoring_agreement import tasks_text
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.mission_reports import PackageReport
from specify_cli.workflow.missions import Missions
from specify_cli.workflow.package_history import Newest, newest
from specify_cli.workflow.package_lookup import open_package
from specify_cli.workflow.package_prompt import PackagePrompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A package; `needs` and `needed_by` are the packages at both ends of its dependencies, with their status lanes."""

    mission: MissionIdentity
    package: PackageReport
    needs: Mapping[str, Lane]
    needed_by: Mapping[str, Lane]
    owned_files: tuple[str, ...]
    subtasks: Mapping[str, bool]
    subtask_titles: Mapping[str, str]
    workspace: Workspace
    has_workspace: bool
    newest: Newest
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackageOverview:
    """Show one package; nothing here writes."""

    project: Project

    def of(self, selector: str, wp_id: str) -> Overview:
        """Return what is known of the package.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        mission = open_package(self.project, selector, wp_id)
        package = mission.package(wp_id)
        report = Missions(self.project).state(mission.slug)
        [shown] = (it for it in report.packages if it.wp_id == wp_id)
        workspace = mission.workspace(wp_id)
        return Overview(
            mission=mission.identity,
            package=shown,
            needs={x: _lane(mission, x) for x in package.dependencies},
            needed_by={
                x: _lane(mission, x) for x, needs in mission.graph.items() if wp_id in needs
            },
            owned_files=package.owned_files,
            subtasks=mission.subtask_ticks(wp_id),
            subtask_titles=self._subtask_titles(mission, wp_id),
            workspace=workspace,
            has_workspace=workspace.path.is_dir(),
            newest=newest(mission.log.events, wp_id),
            warnings=tuple(
                filter(
                    None,
                    (
                        mission.log.standing,
                        contest(mission.state_of(wp_id), wp_id, mission=mission.shell_name),
                    ),
                )
            ),
        )

    def _subtask_titles(self, mission: OpenMission, wp_id: str) -> Mapping[str, str]:
        prompt = PackagePrompt(self.project).of(mission.slug, wp_id).text
        try:
            return titles_in(tasks_text(mission) or "") | titles_in(prompt)
        except OSError:  # It is not needed for anything else.
            return titles_in(prompt)


def _lane(mission: OpenMission, wp_id: str) -> Lane:
    return mission.state_of(wp_id).lane
