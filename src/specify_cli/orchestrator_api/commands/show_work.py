"""show-work: what a review of a package is about."""

from __future__ import annotations

from dataclasses import asdict

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.commits_left import CommitsLeft, commits_left
from specify_cli.orchestrator_api.feedback_given import FeedbackGiven
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import Value, argument


class ShowWorkParams(Params):
    """Arguments of show-work."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)


class CommitShown(Value):
    """One commit in a line."""

    commit: str
    author: str
    at: str
    subject: str


class FileShown(Value):
    """A file that the work changes."""

    path: str
    change: str
    is_outside: bool


class ShowWorkResult(MissionResult):
    """Data of show-work; `commits` are the newest, `files` the first of so many."""

    wp_id: str
    open_subtasks: list[str]
    commits: list[CommitShown]
    commits_total: int
    files: list[FileShown]
    files_total: int
    problems: list[str]
    commit: str | None
    base: str | None
    feedback: FeedbackGiven | None = None
    commits_not_included: list[CommitsLeft] | None = None


def handle(params: ShowWorkParams, cause: Cause, services: UseCases) -> ShowWorkResult:
    """The work as it would be approved now."""
    report = services().showing.work(params.mission, params.wp)
    return ShowWorkResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        open_subtasks=list(report.open_subtasks),
        commits=[CommitShown(**asdict(it)) for it in report.commits],
        commits_total=report.commits_total,
        files=[FileShown(**asdict(it)) for it in report.files],
        files_total=report.files_total,
        problems=list(report.problems),
        commit=report.commit,
        base=report.base,
        feedback=FeedbackGiven.of(report.feedback),
        commits_not_included=commits_left([report.beyond] if report.beyond else ()),
    )


COMMAND = Command(
    name="show-work",
    params=ShowWorkParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty review WP01",
)
