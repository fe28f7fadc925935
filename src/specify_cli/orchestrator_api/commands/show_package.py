"""show-package: the state, holder, dependencies, files and workspace of a package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.feedback_given import FeedbackGiven
from specify_cli.orchestrator_api.history_entry import HistoryEntry, Subtask
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import Value, argument

if TYPE_CHECKING:
    from specify_cli.core.events import Event
    from specify_cli.core.lanes import Lane
    from specify_cli.workflow.package_overview import Overview


class ShowPackageParams(Params):
    """Arguments of show-package."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)


class Neighbor(Value):
    """A package that this one depends on, or that depends on it."""

    wp_id: str
    lane: str


class TitledSubtask(Subtask):
    """A subtask with the text at its checkbox."""

    title: str


class ShowPackageResult(MissionResult):
    """Data of show-package."""

    wp_id: str
    title: str
    lane: str
    since: str | None
    claimed_by: str | None
    reviewer: str | None
    last_sign_of_life: str | None = None
    stale: bool | None = None
    contested: str | None = None
    waiting_for_lane: str | None = None
    dependencies: list[Neighbor]
    unsatisfied_dependencies: list[str]
    dependents: list[Neighbor]
    owned_files: list[str]
    subtasks: list[TitledSubtask]
    lane_id: str
    lane_branch: str
    workspace_path: str
    workspace_exists: bool
    commit: str | None = None
    prompt_path: str
    feedback: FeedbackGiven | None = None
    last_transition: HistoryEntry | None = None
    last_note: HistoryEntry | None = None
    last_review: HistoryEntry | None = None
    warnings: list[str] | None = None

    @classmethod
    def of(cls, shown: Overview) -> ShowPackageResult:
        """The wire form of the overview."""
        package, newest, sign = shown.package, shown.newest, shown.package.last_sign_of_life
        return cls(
            **fields_of(shown.mission),
            wp_id=package.wp_id,
            title=package.title,
            lane=package.lane.value,
            since=package.since,
            claimed_by=package.claimed_by,
            reviewer=package.reviewer,
            last_sign_of_life=sign.isoformat(timespec="microseconds") if sign else None,
            stale=package.is_stale or None,
            contested=package.contested.value if package.contested else None,
            waiting_for_lane=package.waiting_for_lane,
            dependencies=_neighbors(shown.needs),
            unsatisfied_dependencies=list(package.unsatisfied_dependencies),
            dependents=_neighbors(shown.needed_by),
            owned_files=list(shown.owned_files),
            subtasks=_subtasks(shown),
            lane_id=package.lane_id,
            lane_branch=shown.workspace.branch,
            workspace_path=str(shown.workspace.path),
            workspace_exists=shown.has_workspace,
            commit=package.commit,
            prompt_path=str(package.prompt_path),
            feedback=FeedbackGiven.of(package.feedback),
            last_transition=_entry(newest.move),
            last_note=_entry(newest.note),
            last_review=_entry(newest.review),
            warnings=list(shown.warnings) or None,
        )


def _subtasks(shown: Overview) -> list[TitledSubtask]:
    titles = shown.subtask_titles
    return [
        TitledSubtask(subtask_id=name, done=is_done, title=titles.get(name, ""))
        for name, is_done in shown.subtasks.items()
    ]


def handle(params: ShowPackageParams, cause: Cause, services: UseCases) -> ShowPackageResult:
    """Return what is known of the package."""
    return ShowPackageResult.of(services().overview.of(params.mission, params.wp))


def _neighbors(lanes: Mapping[str, Lane]) -> list[Neighbor]:
    return [Neighbor(wp_id=wp_id, lane=lane.value) for wp_id, lane in lanes.items()]


def _entry(event: Event | None) -> HistoryEntry | None:
    return HistoryEntry.of(event) if event else None


COMMAND = Command(
    name="show-package",
    params=ShowPackageParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty show WP01",
)
