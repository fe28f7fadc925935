"""show-diff: what the work of a package changes, as text."""

from __future__ import annotations

from typing import Annotated, Final

from specify_cli.orchestrator_api.arguments import CommitId, Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import argument

MOST_FILES: Final = 100


class ShowDiffParams(Params):
    """Arguments of show-diff."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    base: Annotated[str, CommitId] | None = argument(
        "Commit that the work is based on.", default=None
    )
    commit: Annotated[str, CommitId] | None = argument("Commit of the work.", default=None)
    stat: bool = argument("Only count the changed lines of each file.", default=False)


class ShowDiffResult(MissionResult):
    """Data of show-diff; `pager` is the one of the user's own git configuration."""

    wp_id: str
    lane: str
    base: str | None
    commit: str | None
    uncommitted: list[str]
    uncommitted_total: int
    problems: list[str]
    diff: str
    is_cut: bool
    pager: str | None


def handle(params: ShowDiffParams, cause: Cause, services: UseCases) -> ShowDiffResult:
    """Return the difference between the two commits."""
    report = services().diffs.of(
        params.mission,
        params.wp,
        base=params.base,
        commit=params.commit,
        is_summary=params.stat,
    )
    return ShowDiffResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        lane=report.lane.value,
        base=report.base,
        commit=report.commit,
        uncommitted=list(report.uncommitted[:MOST_FILES]),
        uncommitted_total=len(report.uncommitted),
        problems=list(report.problems),
        diff=report.difference.text,
        is_cut=report.difference.is_cut,
        pager=report.pager,
    )


COMMAND = Command(
    name="show-diff",
    params=ShowDiffParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty diff WP01",
)
