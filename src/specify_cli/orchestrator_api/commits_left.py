"""Commits on the branches of execution lanes that no approval covers, as they are in answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from specify_cli.orchestrator_api.values import Value

if TYPE_CHECKING:
    from specify_cli.workflow.reports import CommitsBeyond

MOST_LISTED: Final = 100
"""Commits that an answer lists of one branch."""


class CommitsLeft(Value):
    """Commits on the branch of an execution lane that no approval covers; the first of `total`."""

    lane_id: str
    lane_branch: str
    commits: list[str]
    total: int


def commits_left(found: Iterable[CommitsBeyond]) -> list[CommitsLeft] | None:
    """The wire form; None where there are none."""
    listed = [
        CommitsLeft(
            lane_id=it.lane_id,
            lane_branch=it.branch,
            commits=list(it.commits[:MOST_LISTED]),
            total=len(it.commits),
        )
        for it in found
    ]
    return listed or None
