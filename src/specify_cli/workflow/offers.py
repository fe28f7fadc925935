"""Commits and files that a workspace offers to the project: checked, but not taken in yet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from specify_cli.core.lanes import FINISHED
from specify_cli.core.move_intent import MoveIntent
from specify_cli.errors import MissionNotFound, StateUnreadable, TransitionRejected
from specify_cli.storage.project import Project
from specify_cli.workflow.mission import OpenMission, Workspace, open_mission

if TYPE_CHECKING:
    from specify_cli.vcs.commit_intake import BranchRelation, FetchedCommits, IntakeRefused
    from specify_cli.vcs.repository import Repository


class Offer(NamedTuple):
    """What a workspace offers to the project.

    Attributes:
        workspace: The execution lane; None if there is no workspace to read.
        tip: The commit of its branch in the workspace; None if it could not be read.
        fetched: Its commits, fetched from the workspace.
        refusal: Why its commits must not be taken in, or cannot be read.
        files: The files that differ from `tip`, if these were requested.
        unseen: Why these files could not be listed.
        look_s: How many seconds the listing of the files took.
    """

    workspace: Workspace | None = None
    tip: str | None = None
    fetched: FetchedCommits | None = None
    refusal: IntakeRefused | None = None
    files: Sequence[str] = ()
    unseen: str | None = None
    look_s: float = 0

    def standing(self, repository: Repository) -> BranchRelation:
        """Return how the workspace's commits relate to the project's branch.

        Raises:
            GitFailed: the branch is damaged.
        """
        from specify_cli.vcs.commit_intake import BranchRelation

        return self.fetched.standing(repository) if self.fetched else BranchRelation.SAME

    def take_in(self, repository: Repository) -> None:
        """Update the project's branch to the commits; call it under the lock of the repository.

        Raises:
            IntakeRefused: the commits must not be taken in.
            GitFailed, OSError: git or the disk refused.
        """
        if self.refusal:
            raise self.refusal
        if self.fetched:
            self.fetched.move_in(repository)

    def take_in_what_fits(self, repository: Repository) -> Offer:
        """Do the same as `take_in`, but return a refusal instead of raising it.

        Raises:
            GitFailed, OSError: git or the disk refused.
        """
        from specify_cli.vcs.commit_intake import IntakeRefused

        try:
            self.take_in(repository)
        except IntakeRefused as refusal:
            return self._replace(fetched=None, refusal=refusal)
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of an answer that does not depend on the commits."""
        if self.refusal is None or self.workspace is None:
            return ()
        return (f"the commits in {self.workspace.path} were not fetched: {self.refusal.reason}",)


NOTHING: Final = Offer()


@contextmanager
def offered(project: Project, slug: str, wp_id: str, *, looks: bool = False) -> Iterator[Offer]:
    """Fetch what the workspace of the package's execution lane offers; it is valid within the block.

    With `looks`, list the uncommitted files, too. Call it without a lock: the content of a workspace can
    slow down reading it, up to the deadline.
    """
    mission = seen(project, slug)
    is_known = mission is not None and wp_id in mission.packages
    # Before work begins there is no workspace, and git is not needed.
    if mission is None or not is_known or not os.path.lexists(mission.workspace(wp_id).path):
        yield NOTHING
        return
    from specify_cli.workflow import commit_intake

    with ExitStack() as until_the_end:
        offer = commit_intake.of_package(mission, wp_id, until_the_end=until_the_end)
        yield commit_intake.looked(project, offer) if looks else offer


@contextmanager
def others_offered(project: Project, slug: str, intent: MoveIntent) -> Iterator[list[Offer]]:
    """Fetch what the workspaces of other packages offer, if the intent is an approval.

    An approval must not include their unapproved commits.
    """
    if intent.to not in FINISHED:
        yield []
        return
    from specify_cli.workflow import commit_intake

    with ExitStack() as until_the_end:
        yield commit_intake.of_others(project, slug, intent, until_the_end=until_the_end)


def taken_in(mission: OpenMission, offer: Offer, others: Sequence[Offer] = ()) -> Offer:
    """Do the same as `moved_work.taken_in`; without fetched commits, return `offer` without loading git."""
    if not any(it.fetched for it in (offer, *others)):
        return offer
    from specify_cli.workflow import moved_work

    return moved_work.taken_in(mission, offer, others)


def seen(project: Project, slug: str) -> OpenMission | None:
    """Return the mission; None if it is missing or damaged, which the next command that needs it reports.

    Raises:
        StorageFailed: the disk refused, possibly once only: there may be work that was not seen.
    """
    try:
        return open_mission(project, slug)
    except (StateUnreadable, MissionNotFound):
        return None


def rejected(
    mission: OpenMission, intent: MoveIntent, refusal: IntakeRefused
) -> TransitionRejected:
    """Return the refusal of a move that needs commits which must not be taken in."""
    from specify_cli.workflow.merge_scope import PathsRefused

    from_lane = mission.state_of(intent.wp_id).lane
    path = mission.workspace(intent.wp_id).path
    cannot = f"{intent.wp_id} cannot go from {from_lane} to {intent.to}"
    if isinstance(refusal, PathsRefused):
        return TransitionRejected(
            f"{cannot}: {refusal.reason}",
            from_lane=from_lane.value,
            to_lane=intent.to.value,
            guard=refusal.guard,
            paths=refusal.refused.as_data(),
            paths_total=refusal.refused.total,
        )
    return TransitionRejected(
        f"{cannot}: the commits in {path} were not fetched: {refusal.reason}",
        from_lane=from_lane.value,
        to_lane=intent.to.value,
        guard="intake",
        reason_code=refusal.code,
        files=list(refusal.paths),
    )
