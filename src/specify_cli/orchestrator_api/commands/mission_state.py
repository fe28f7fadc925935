"""mission-state: the state of every work package of a mission."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from specify_cli.core.lanes import Lane
from specify_cli.orchestrator_api.command import Cause, Command, UseCases, fields_of
from specify_cli.orchestrator_api.feedback_given import FeedbackGiven
from specify_cli.orchestrator_api.positions import PositionedParams, PositionedResult, add_position
from specify_cli.orchestrator_api.texts import shown_title
from specify_cli.orchestrator_api.values import Value

if TYPE_CHECKING:
    from specify_cli.workflow.mission_reports import PackageReport


class MissionStateParams(PositionedParams):
    """Arguments of mission-state."""


class SubtaskCount(Value):
    """How many steps of a package there are, and how many of them are done."""

    done: int
    total: int


class PackageOnBoard(Value):
    """The state of one package."""

    wp_id: str
    title: str
    lane: str
    dependencies: list[str]
    dependencies_satisfied: bool
    unsatisfied_dependencies: list[str]
    last_actor: str | None
    lane_id: str
    claimed_by: str | None
    reviewer: str | None
    since: str | None
    prompt_path: str
    subtasks: SubtaskCount
    commit: str | None = None
    waiting_for_lane: str | None = None
    feedback: FeedbackGiven | None = None
    last_sign_of_life: str | None = None
    stale: bool | None = None
    contested: str | None = None
    blocked_from: str | None = None
    blocked_note: str | None = None

    @classmethod
    def of(cls, package: PackageReport) -> PackageOnBoard:
        """The wire form of the report."""
        sign = package.last_sign_of_life
        return cls(
            wp_id=package.wp_id,
            title=shown_title(package.title),
            lane=package.lane.value,
            dependencies=list(package.dependencies),
            dependencies_satisfied=not package.unsatisfied_dependencies,
            unsatisfied_dependencies=list(package.unsatisfied_dependencies),
            last_actor=package.last_actor,
            lane_id=package.lane_id,
            claimed_by=package.claimed_by,
            reviewer=package.reviewer,
            since=package.since,
            prompt_path=str(package.prompt_path),
            subtasks=SubtaskCount(done=package.subtasks_done, total=package.subtasks_total),
            commit=package.commit,
            waiting_for_lane=package.waiting_for_lane,
            feedback=FeedbackGiven.of(package.feedback),
            last_sign_of_life=sign.isoformat(timespec="microseconds") if sign else None,
            stale=package.is_stale or None,
            contested=package.contested.value if package.contested else None,
            blocked_from=package.blocked_from.value if package.blocked_from else None,
            blocked_note=package.blocked_note,
        )


class MissionStateResult(PositionedResult):
    """Data of mission-state."""

    summary: dict[str, int]
    work_packages: list[PackageOnBoard]
    warnings: list[str] | None = None


def handle(params: MissionStateParams, cause: Cause, services: UseCases) -> MissionStateResult:
    """Return the state of all packages."""
    report = services().missions.state(params.mission)
    counted = Counter(package.lane.value for package in report.packages)
    summary = {lane.value: counted[lane.value] for lane in Lane}
    return MissionStateResult(
        **fields_of(report.mission),
        position="",
        summary=summary | {"total": len(report.packages)},
        work_packages=[PackageOnBoard.of(package) for package in report.packages],
        warnings=list(report.warnings) or None,
    )


COMMAND = Command(
    name="mission-state",
    params=MissionStateParams,
    handle=handle,
    example="spec-kitty orchestrator-api mission-state --mission 001-search",
    is_batched=True,
    add_position=add_position,
)
